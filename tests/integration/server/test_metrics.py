"""Do the figures count what happened, by route and not by address, and does the server say how it is while it is busy?"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.plugins.databases import Database
from tests.plugins.locks import WaitUntilSomebodyIsBlocked
from tests.plugins.served import Answer, Served, StartServer

UPSERT = "/v1/datasets/upsert"
GIVEN = {"name": "busy", "mode": "merge", "examples": [{"source_id": "a", "input": {"x": 1}}]}


def figures(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(stage1_\S+) (\S+)$", text, re.MULTILINE)}


@contextmanager
def four_writes_at_once(served: Served, *, are_waited_for: bool = False) -> Iterator[list[Answer]]:
    """Their answers; while the block lasts, somebody else holds what they want."""
    answers: list[Answer] = []
    assert served.post(UPSERT, {**GIVEN, "examples": []}).status == 200
    threads = [threading.Thread(target=lambda: answers.append(served.post(UPSERT, GIVEN))) for _ in range(4)]
    with served.database.connect(autocommit=False) as blocker:
        blocker.execute("select 1 from public.stage1_datasets for update")
        for thread in threads:
            thread.start()
        for thread in threads if are_waited_for else ():
            thread.join(60)
        yield answers
        blocker.rollback()
        for thread in threads:
            thread.join(60)


def test_requests_are_counted_by_route(database: Database, start_server: StartServer) -> None:
    served = start_server(database)
    for name in ("a", "b", "c"):
        assert served.get(f"/v1/datasets/{name}").status == 404
        assert served.get(f"/{name}/nowhere").status == 404
    assert served.ask("PATCH", "/v1/datasets/a").status == 405
    answer = served.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = figures(answer.body.decode())
    assert found['stage1_http_requests_total{method="GET",route="/v1/datasets/{dataset}",status="4xx"}'] == 3
    assert found['stage1_http_requests_total{method="GET",route="(none)",status="4xx"}'] == 3
    assert found['stage1_http_request_duration_seconds_count{method="GET",route="/v1/datasets/{dataset}"}'] == 3
    assert found["stage1_http_requests_in_flight"] == 1
    assert found["stage1_pool_size"] >= 1
    assert "/a" not in answer.body.decode()


def test_how_it_is_while_all_connections_are_in_use(
    database: Database, start_server: StartServer, wait_until_somebody_is_blocked: WaitUntilSomebodyIsBlocked
) -> None:
    served = start_server(database, env={"STAGE1_POOL_SIZE": "2"})
    with four_writes_at_once(served) as answers:
        wait_until_somebody_is_blocked(database, 2)
        assert served.get("/health").status == 200
        assert served.get("/ready").status == 200
        found = figures(served.get("/metrics").body.decode())
        assert found["stage1_pool_size"] == 2
        assert found["stage1_pool_idle"] == 0
        assert found["stage1_http_requests_in_flight"] >= 3
    assert [answer.status for answer in answers] == [200] * 4
    assert figures(served.get("/metrics").body.decode())["stage1_pool_idle"] == 2


def test_whoever_finds_all_connections_in_use_may_come_again(database: Database, start_server: StartServer) -> None:
    served = start_server(database, env={"STAGE1_POOL_SIZE": "2", "STAGE1_REQUEST_TIMEOUT": "3"})
    with four_writes_at_once(served, are_waited_for=True) as answers:
        # The lock was never given: those that had a connection timed out, the others found none.
        assert {answer.status for answer in answers} == {503}
        assert {answer.json["code"] for answer in answers} <= {"TimedOut", "ServerExhausted"}
        assert all(int(answer.headers["retry-after"]) == 1 for answer in answers)
    assert served.post(UPSERT, GIVEN).status == 200
