"""What if 64 clients ask one server at once: no error, nothing lost, and no connection that is left over?"""

import http.client
import json
import random
import threading
import time
from contextlib import closing
from typing import Any

import pytest

from tests.plugins.served import Served, answer_of

CLIENTS = 64
DATASETS = 8
MOST_CONNECTIONS = 10 + 2  # of the pool by default; one that checks tokens, and one for a moment at /ready


class Client(threading.Thread):
    """Reads and writes until the time is over; each has examples of its own in datasets that it shares with others."""

    def __init__(self, served: Served, number: int, until: float) -> None:
        super().__init__()
        self._served = served
        self._number = number
        self._until = until
        self._random = random.Random(number)  # noqa: S311 - the same requests in every run
        self.asked = 0
        self.bad: list[str] = []
        self.written: dict[tuple[str, str], int] = {}

    def run(self) -> None:
        """Asks one request after the other on a connection that stays open."""
        with closing(self._served.connection()) as connection:
            while time.monotonic() < self._until or self.asked < 2:
                self.asked += 1
                try:
                    self._one(connection)
                except (OSError, http.client.HTTPException) as problem:
                    self.bad.append(repr(problem))
                    return

    def _one(self, connection: http.client.HTTPConnection) -> None:
        name = f"shared-{self._random.randrange(DATASETS)}"
        kind = self._random.randrange(5)
        if kind < 2:
            source_id = f"{self._number}-{self._random.randrange(20)}"
            example = {"source_id": source_id, "input": {"n": self.asked}}
            self._ask(connection, "POST", "/v1/datasets/upsert", {"name": name, "mode": "merge", "examples": [example]})
            self.written[name, source_id] = self.asked
        elif kind == 2:
            self._ask(connection, "GET", f"/v1/datasets/{name}/examples?limit=20")
        elif kind == 3:
            self._ask(connection, "GET", f"/v1/datasets/{name}/diff?base=1&limit=5")
        else:
            self._ask(connection, "GET", "/v1/datasets?limit=5")

    def _ask(self, connection: http.client.HTTPConnection, method: str, path: str, given: Any = None) -> None:
        body = None if given is None else json.dumps(given).encode()
        connection.request(method, path, body, {} if body is None else {"Content-Type": "application/json"})
        answer = answer_of(connection)
        if answer.status != 200:
            self.bad.append(f"{method} {path}: {answer.status} {answer.body[:300]!r}")


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.long)])
def test_64_clients_get_answers_and_leave_nothing_open(served: Served, seconds: int) -> None:
    for number in range(DATASETS):
        given = {"name": f"shared-{number}", "mode": "mirror", "examples": [{"source_id": "first", "input": {}}]}
        assert served.post("/v1/datasets/upsert", given).status == 200
    clients = [Client(served, number, time.monotonic() + seconds) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(seconds + 60)
        assert not client.is_alive()
    assert [problem for client in clients for problem in client.bad][:5] == []
    assert all(client.asked > 1 for client in clients)
    for number in range(DATASETS):
        name = f"shared-{number}"
        lines = served.get(f"/v1/datasets/{name}/examples", accept="application/x-ndjson").body.splitlines()
        held = {line["source_id"]: line["input"].get("n") for line in map(json.loads, lines)}
        for client in clients:
            for (dataset, source_id), value in client.written.items():
                assert dataset != name or held[source_id] == value
    [found] = served.database.rows(
        "select count(*) as all, count(*) filter (where state <> 'idle') as busy"
        " from pg_stat_activity where datname = current_database() and application_name = 'stage1 serve'"
    )
    assert found["all"] <= MOST_CONNECTIONS
    assert found["busy"] == 0
