"""Versioned examples over HTTP: an upsert and its plan, what a version holds, what is refused and how, and nothing twice."""

import gzip
from contextlib import closing

import pytest

from stage1.model.canonical_json import content_hash
from stage1.model.example_lines import ExampleReference, example_of
from tests.integration.server.example_requests import NDJSON, UPSERT, bodies, held, lines, send, upsert
from tests.plugins.databases import Database
from tests.plugins.served import Served, StartServer, answer_of


def test_a_dataset_evolves_by_versions(served: Served) -> None:
    first = upsert(served, "evolving", bodies("a", "b", "c"), description="the first of January")
    assert first.status == 200
    assert first.json == {
        "dataset_id": first.json["dataset_id"],
        "version_id": first.json["version_id"],
        "previous_version_id": None,
        "created_dataset": True,
        "created_version": True,
        "summary": {"new": 3, "changed": 0, "unchanged": 0, "deleted": 0, "restored": 0},
    }
    again = upsert(served, "evolving", bodies("c", "b", "a"), mode="mirror")
    assert again.json == {
        **first.json,
        "created_dataset": False,
        "created_version": False,
        "summary": {"new": 0, "changed": 0, "unchanged": 3, "deleted": 0, "restored": 0},
    }
    changed = served.post(
        UPSERT,
        {
            "id": first.json["dataset_id"],
            "mode": "mirror",
            "examples": [*bodies("a", corrected=True), *bodies("b", "d")],
            "expected_version_id": first.json["version_id"],
        },
    )
    assert changed.json["summary"] == {"new": 1, "changed": 1, "unchanged": 1, "deleted": 1, "restored": 0}
    assert changed.json["previous_version_id"] == first.json["version_id"]
    restored = upsert(served, "evolving", bodies("c"))
    assert restored.json["summary"] == {"new": 0, "changed": 0, "unchanged": 0, "deleted": 0, "restored": 1}

    assert sorted(held(served, "evolving", "1")) == ["a", "b", "c"]
    assert held(served, "evolving", changed.json["version_id"])["a"] == {"of": "a", "corrected": True}
    versions = served.get("/v1/datasets/evolving/versions?limit=2").json
    assert [version["sequence"] for version in versions["items"]] == [3, 2]
    rest = served.get(f"/v1/datasets/evolving/versions?limit=2&cursor={versions['next_cursor']}").json
    assert [version["description"] for version in rest["items"]] == ["the first of January"]
    assert rest["next_cursor"] is None

    diff = served.get("/v1/datasets/evolving/diff?base=1&other=2&limit=2").json
    assert diff["summary"] == {"new": 1, "changed": 1, "deleted": 1, "unchanged": 1}
    assert [(item["source_id"], item["change"]) for item in diff["items"]] == [("a", "changed"), ("c", "deleted")]
    diff = served.get(f"/v1/datasets/evolving/diff?base=1&other=2&limit=2&cursor={diff['next_cursor']}").json
    assert [(item["source_id"], item["change"], diff["next_cursor"]) for item in diff["items"]] == [("d", "new", None)]
    history = served.get("/v1/datasets/evolving/history?source_id=c").json["items"]
    assert [(event["sequence"], event["kind"]) for event in history] == [(3, "CREATE"), (2, "DELETE"), (1, "CREATE")]
    assert history[2]["content_hash"] == content_hash({"of": "c"})

    row = served.get("/v1/datasets/evolving").json
    assert (row["kind"], row["version_count"], row["example_count"]) == ("examples", 3, 4)
    lineage = served.get("/v1/datasets/evolving/lineage").json["items"]
    assert [step["kind"] for step in lineage].count("version") == 3


def test_restores_and_tags(served: Served) -> None:
    upsert(served, "tagged", bodies("a", "b"))
    tagged = served.ask("PUT", "/v1/datasets/tagged/tags/reviewed", {})
    assert (tagged.status, tagged.json["sequence"], tagged.json["updated_by"]) == (200, 1, "anonymous")
    upsert(served, "tagged", bodies("c"), mode="mirror")
    assert sorted(held(served, "tagged", "tag:reviewed")) == ["a", "b"]
    planned = served.post("/v1/datasets/tagged/restore", {"version": "tag:reviewed", "dry_run": True}).json
    assert planned["summary"] == {"new": 0, "changed": 0, "unchanged": 0, "deleted": 1, "restored": 2}
    assert served.get("/v1/datasets/tagged/versions/latest").json["sequence"] == 2
    done = served.post("/v1/datasets/tagged/restore", {"version": "tag:reviewed", "description": "c was wrong"}).json
    assert (done["created_version"], done["summary"]) == (True, planned["summary"])
    assert sorted(held(served, "tagged")) == ["a", "b"]
    assert served.post("/v1/datasets/tagged/restore", {"version": "1"}).json["created_version"] is False
    assert [tag["tag"] for tag in served.get("/v1/datasets/tagged/tags").json["items"]] == ["reviewed"]
    assert served.ask("DELETE", "/v1/datasets/tagged/tags/reviewed").status == 204
    gone = served.get("/v1/datasets/tagged/versions/tag:reviewed")
    assert (gone.status, gone.json["code"]) == (404, "S1E07")


def test_a_plan_names_what_is_needed_and_lines_carry_it(served: Served) -> None:
    kept, corrected, added = example_of("kept", {"n": 1}), example_of("corrected", {"n": 2}), example_of("added", {"n": 3})
    body = lines({"name": "planned", "mode": "mirror"}, kept.as_line(), example_of("corrected", {}).as_line())
    assert send(served, UPSERT, gzip.compress(body), **{"Content-Encoding": "gzip"}).json["summary"]["new"] == 2
    references = [ExampleReference(each.source_id, each.content_hash).as_line() for each in (kept, corrected, added)]
    plan = send(served, f"{UPSERT}/plan", lines({"name": "planned", "mode": "mirror"}, *references))
    assert plan.status == 200, plan.body
    assert sorted(plan.json["needed"]) == ["added", "corrected"]
    assert plan.json["summary"] == {"new": 1, "changed": 1, "unchanged": 1, "deleted": 0, "restored": 0}
    head = {"name": "planned", "mode": "mirror", "expected_version_id": plan.json["version_id"]}
    done = send(served, UPSERT, lines(head, references[0], corrected.as_line(), added.as_line()))
    assert done.json["summary"] == plan.json["summary"]
    # Whoever says that the dataset has what it has not, must send it.
    refused = send(served, UPSERT, lines({"name": "planned", "mode": "merge"}, ExampleReference("kept", "0" * 64).as_line()))
    assert (refused.status, refused.json["code"]) == (409, "S1E09")
    nothing = served.post(f"{UPSERT}/plan", {"name": "nowhere", "mode": "merge", "examples": []}).json
    assert (nothing["dataset_id"], nothing["version_id"], nothing["created_dataset"]) == (None, None, True)
    assert served.get("/v1/datasets/nowhere").status == 404


def test_an_upsert_that_expects_another_version_is_told_the_current_one(served: Served) -> None:
    first = upsert(served, "expected", bodies("a")).json["version_id"]
    second = upsert(served, "expected", bodies("b"), expected_version_id=first).json["version_id"]
    refused = upsert(served, "expected", bodies("c"), expected_version_id=first)
    assert (refused.status, refused.json["code"], refused.json["current_version_id"]) == (409, "S1E02", second)
    assert upsert(served, "expected", bodies("c"), expected_version_id=first, dry_run=True).status == 409
    assert sorted(held(served, "expected")) == ["a", "b"]


def test_a_request_with_a_key_is_done_once(served: Served) -> None:
    first = upsert(served, "keyed", bodies("a"))
    body = lines(
        {"name": "keyed", "mode": "merge", "expected_version_id": first.json["version_id"]}, example_of("a", {}).as_line()
    )
    done = send(served, UPSERT, body, **{"Idempotency-Key": "k-1"})
    assert done.json["summary"]["changed"] == 1
    upsert(served, "keyed", bodies("a", corrected=True))
    assert send(served, UPSERT, body, **{"Idempotency-Key": "k-1"}).json == done.json
    assert held(served, "keyed") == {"a": {"of": "a", "corrected": True}}
    assert served.get("/v1/datasets/keyed/versions/latest").json["sequence"] == 3
    restore = {"Idempotency-Key": "k-2"}
    once = served.ask("POST", "/v1/datasets/keyed/restore", {"version": "1"}, headers=restore).json
    upsert(served, "keyed", bodies("b"))
    assert served.ask("POST", "/v1/datasets/keyed/restore", {"version": "1"}, headers=restore).json == once
    assert sorted(held(served, "keyed")) == ["a", "b"]


def test_a_mirror_of_nothing_must_be_meant(served: Served) -> None:
    upsert(served, "emptied", bodies("a", "b"))
    refused = upsert(served, "emptied", [], mode="mirror")
    assert (refused.status, refused.json["code"]) == (409, "S1E05")
    assert upsert(served, "emptied", [], mode="mirror", allow_empty=True).json["summary"]["deleted"] == 2
    assert held(served, "emptied") == {}


@pytest.mark.parametrize(
    ("point", "is_there"), [("examples staged", False), ("examples written", False), ("examples committed", True)]
)
def test_a_server_that_is_killed_has_done_all_or_nothing(
    database: Database, start_server: StartServer, point: str, is_there: bool
) -> None:
    dying = start_server(database, env={"STAGE1_KILL_AT": point})
    body = lines(
        {"name": "killed", "mode": "mirror"}, *(example_of(str(number), {"n": number}).as_line() for number in range(500))
    )
    with closing(dying.connection()) as connection:
        connection.request("POST", UPSERT, body, {"Content-Type": NDJSON, "Idempotency-Key": "k"})
        with pytest.raises(ConnectionError):
            answer_of(connection)
    dying.process.wait(30)
    served = start_server(database)
    assert (served.get("/v1/datasets/killed").status == 200) is is_there
    done = send(served, UPSERT, body, **{"Idempotency-Key": "k"})
    assert (done.status, done.json["summary"]["new"]) == (200, 500)
    assert len(held(served, "killed")) == 500
    assert served.get("/v1/datasets/killed/versions/latest").json["sequence"] == 1
