"""Experiments over HTTP: runs and evaluations, one by one and in batches, what is missing, comparisons; nothing lost or twice."""

import json
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from tests.plugins.databases import Database
from tests.plugins.served import Answer, Served, StartServer, answer_of

NDJSON = "application/x-ndjson"


def dataset(served: Served, name: str, **examples: Any) -> str:
    given = [{"source_id": source_id, "input": {"n": value}} for source_id, value in examples.items()]
    answer = served.post("/v1/datasets/upsert", {"name": name, "mode": "mirror", "examples": given})
    assert answer.status == 200, answer.body
    return str(answer.json["version_id"])


def experiment(served: Served, of: str, **more: Any) -> str:
    answer = served.post("/v1/experiments", {"dataset": of, **more})
    assert answer.status == 200, answer.body
    return f"/v1/experiments/{answer.json['experiment_id']}"


def counts(served: Served, path: str) -> tuple[int, int, int]:
    found = served.get(path).json
    return found["successful_run_count"], found["failed_run_count"], found["missing_run_count"]


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def test_an_experiment_runs_on_its_version_and_shows_what_is_missing(served: Served) -> None:
    version = dataset(served, "run", a=1, b=2, c=3)
    path = experiment(served, "run", name="first", repetitions=2, metadata={"model": "m"})
    dataset(served, "run", a=1, b=20, d=4)
    shown = served.get(path).json
    assert (shown["version_id"], shown["version_sequence"], shown["example_count"], shown["expected_run_count"]) == (
        version,
        1,
        3,
        6,
    )
    assert (shown["name"], shown["metadata"], shown["created_by"]) == ("first", {"model": "m"}, "anonymous")

    one = {
        "source_id": "a",
        "output": {"x": [1, None]},
        "started_at": "2023-01-03T14:30:00Z",
        "finished_at": "2023-01-03T14:30:01Z",
    }
    first = served.post(f"{path}/runs", one)
    assert first.json == {"run_id": first.json["run_id"], "outcome": "recorded"}
    assert served.post(f"{path}/runs", one).json == {"run_id": first.json["run_id"], "outcome": "unchanged"}
    assert refused(served.post(f"{path}/runs", {**one, "output": "another"})) == (409, "S1X02")
    assert served.post(f"{path}/runs", {"source_id": "b", "error": "it broke"}).json["outcome"] == "recorded"
    assert counts(served, path) == (1, 1, 4)

    missing = served.get(f"{path}/runs/missing?limit=2").json
    assert [(item["source_id"], item["input"], item["repetitions"]) for item in missing["items"]] == [
        ("a", {"n": 1}, [2]),
        ("b", {"n": 2}, [1, 2]),
    ]
    rest = served.get(f"{path}/runs/missing?limit=2&cursor={missing['next_cursor']}").json
    assert [(item["source_id"], item["repetitions"], rest["next_cursor"]) for item in rest["items"]] == [("c", [1, 2], None)]

    runs = [{"source_id": source_id, "repetition": number, "output": number} for source_id in "abc" for number in (1, 2)]
    assert refused(served.post(f"{path}/runs/batch", {"runs": runs})) == (409, "S1X02")
    assert counts(served, path) == (1, 1, 4)
    kept = served.post(f"{path}/runs/batch", {"runs": runs, "on_conflict": "keep"})
    assert kept.json == {"recorded": 4, "replaced": 1, "unchanged": 0, "kept": 1}
    body = json.dumps({"on_conflict": "refuse"}) + "\n" + "".join(json.dumps(run) + "\n" for run in runs[1:])
    again = served.ask("POST", f"{path}/runs/batch", body=body.encode(), headers={"Content-Type": NDJSON})
    assert again.json == {"recorded": 0, "replaced": 0, "unchanged": 5, "kept": 0}
    assert counts(served, path) == (6, 0, 0)
    assert served.get(f"{path}/runs/missing").json["items"] == []

    page = served.get(f"{path}/runs?limit=5").json
    rest = served.get(f"{path}/runs?limit=5&cursor={page['next_cursor']}").json
    found = {(run["source_id"], run["repetition"]): run for run in page["items"] + rest["items"]}
    assert sorted(found) == [(source_id, number) for source_id in "abc" for number in (1, 2)]
    assert (found["a", 1]["output"], found["a", 1]["started_at"]) == ({"x": [1, None]}, "2023-01-03T14:30:00Z")
    assert (found["b", 1]["output"], found["b", 1]["attempt"]) == (1, 2)


def test_evaluations_and_what_they_miss(served: Served) -> None:
    dataset(served, "judged", a=1, b=2)
    path = experiment(served, "judged")
    served.post(f"{path}/runs/batch", {"runs": [{"source_id": "a", "output": "x"}, {"source_id": "b", "output": "y"}]})
    good = {"source_id": "a", "name": "exact", "score": 1, "label": "right", "metadata": {"n": 0.1}}
    assert served.post(f"{path}/evaluations", good).json["outcome"] == "recorded"
    assert served.post(f"{path}/evaluations", good).json["outcome"] == "unchanged"
    missing = served.get(f"{path}/evaluations/missing?name=exact&name=length").json["items"]
    assert [(item["source_id"], item["run_output"], item["names"]) for item in missing] == [
        ("a", "x", ["length"]),
        ("b", "y", ["exact", "length"]),
    ]
    batch = [{**good, "score": 0.5}, {"source_id": "b", "name": "exact", "error": "no answer"}]
    assert served.post(f"{path}/evaluations/batch", {"evaluations": batch}).json == {"recorded": 1, "replaced": 1, "unchanged": 0}
    runs = served.get(f"{path}/runs").json["items"]
    assert [[(each["name"], each["score"], each["error"]) for each in run["evaluations"]] for run in runs] == [
        [("exact", 0.5, None)],
        [("exact", None, "no answer")],
    ]
    assert refused(served.post(f"{path}/evaluations", {**good, "source_id": "z"})) == (404, "S1X04")
    assert served.get(f"{path}/evaluations/missing").status == 422


def test_two_experiments_are_compared_by_example(served: Served) -> None:
    dataset(served, "compared", same=1, changed=2, gone=3)
    base = experiment(served, "compared", name="before")
    dataset(served, "compared", same=1, changed=20, new=4)
    other = experiment(served, "compared", name="after", version="latest")
    for path, ids, score in ((base, ("same", "changed", "gone"), 0.25), (other, ("same", "changed", "new"), 0.75)):
        served.post(f"{path}/runs/batch", {"runs": [{"source_id": each, "output": each} for each in ids]})
        evaluations = [{"source_id": each, "name": "score", "score": score} for each in ids]
        assert served.post(f"{path}/evaluations/batch", {"evaluations": evaluations}).status == 200
    other_id = other.rpartition("/")[2]
    found = served.get(f"{base}/compare/{other_id}").json
    assert [(item["source_id"], item["presence"], item["content_differs"]) for item in found["items"]] == [
        ("changed", "both", True),
        ("gone", "base", False),
        ("new", "other", False),
        ("same", "both", False),
    ]
    [row] = found["evaluations"]
    assert (row["base_count"], row["base_mean"], row["other_count"], row["other_mean"]) == (3, 0.25, 3, 0.75)
    assert (row["paired_count"], row["paired_delta_mean"], row["better"]) == (1, 0.5, 1)
    page = served.get(f"{base}/compare/{other_id}?limit=3").json
    assert [
        item["source_id"] for item in served.get(f"{base}/compare/{other_id}?limit=3&cursor={page['next_cursor']}").json["items"]
    ] == ["same"]
    dataset(served, "of its own", a=1)
    stranger = experiment(served, "of its own").rpartition("/")[2]
    assert refused(served.get(f"{base}/compare/{stranger}")) == (409, "S1X07")


def test_an_experiment_with_an_id_of_the_clients_is_created_once(served: Served) -> None:
    dataset(served, "created", a=1)
    wish = {"dataset": "created", "experiment_id": str(uuid4()), "name": "once"}
    assert served.post("/v1/experiments", wish).json == served.post("/v1/experiments", wish).json
    assert refused(served.post("/v1/experiments", {**wish, "name": "twice"})) == (409, "S1X05")
    experiment(served, "created")
    page = served.get("/v1/experiments?dataset=created&limit=1").json
    rest = served.get(f"/v1/experiments?dataset=created&limit=1&cursor={page['next_cursor']}").json
    assert [item["name"] for item in page["items"] + rest["items"]] == [None, "once"]
    steps = served.get("/v1/datasets/created/lineage").json["items"]
    assert [step["kind"] for step in steps].count("experiment") == 2


@pytest.mark.parametrize(
    ("path", "given", "status", "code"),
    [
        ("runs", {"source_id": "z", "output": 1}, 422, "S1X03"),
        ("runs", {"source_id": "a", "repetition": 2, "output": 1}, 422, "S1X03"),
        ("runs", {"source_id": "a", "repetition": 0, "output": 1}, 422, "S1E10"),
        ("runs", {"source_id": "a", "output": 1, "error": "both"}, 422, "S1E10"),
        ("runs", {"source_id": "a", "started_at": "2023-01-03"}, 422, "S1E10"),
        ("runs", {"source_id": "a", "started_at": "2023-01-03T00:00:01Z", "finished_at": "2023-01-03T00:00:00Z"}, 422, "S1E10"),
        ("runs/batch", {"runs": [{"source_id": "a"}, {"source_id": "a"}]}, 422, "S1X06"),
        ("runs/batch", {"runs": [{"source_id": "a"}, {"source_id": 7}]}, 422, "S1E10"),
        ("runs/batch", {"runs": [{"source_id": "a"}], "on_conflict": "replace"}, 422, "S1E10"),
        ("evaluations", {"source_id": "a", "name": "n", "score": 1e999}, 422, "S1E10"),
        ("evaluations", {"source_id": "a", "name": "n", "score": True}, 422, "S1E10"),
        ("evaluations", {"source_id": "a", "name": "", "score": 1}, 422, "S1E10"),
        ("evaluations", {"source_id": "a", "name": "n", "score": 1, "error": "both"}, 422, "S1E10"),
        ("evaluations/batch", {"evaluations": [{"source_id": "a", "name": "n", "annotator_kind": "GOD"}]}, 422, "S1E10"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_what_is_refused(served: Served, path: str, given: dict[str, Any], status: int, code: str) -> None:
    dataset(served, "strict", a=1)
    where = experiment(served, "strict")
    assert refused(served.post(f"{where}/{path}", given)) == (status, code)
    assert counts(served, where) == (0, 0, 1)


def test_an_experiment_that_is_not_there(served: Served) -> None:
    for answer in (
        served.get(f"/v1/experiments/{uuid4()}"),
        served.get(f"/v1/experiments/{uuid4()}/runs"),
        served.post(f"/v1/experiments/{uuid4()}/runs/batch", {"runs": []}),
    ):
        assert refused(answer) == (404, "S1X01")
    assert served.get("/v1/experiments/7").status == 422
    assert refused(served.post("/v1/experiments", {"dataset": "nowhere"})) == (404, "S1C02")


@pytest.mark.parametrize("point", ["runs staged", "runs written", "evaluations staged", "evaluations written"])
def test_a_server_that_is_killed_recorded_all_or_nothing(database: Database, start_server: StartServer, point: str) -> None:
    dying = start_server(database, env={"STAGE1_KILL_AT": point})
    dataset(dying, "killed", a=1, b=2)
    path = experiment(dying, "killed")
    runs = {"runs": [{"source_id": "a", "output": 1}, {"source_id": "b", "output": 2}]}
    what, given = "runs", runs
    if point.startswith("evaluations"):
        assert dying.post(f"{path}/runs/batch", runs).status == 200
        what, given = "evaluations", {"evaluations": [{"source_id": name, "name": "close", "score": 1} for name in "ab"]}
    with closing(dying.connection()) as connection:
        connection.request("POST", f"{path}/{what}/batch", json.dumps(given), {"Content-Type": "application/json"})
        with pytest.raises(ConnectionError):
            answer_of(connection)
    dying.process.wait(30)
    served = start_server(database)
    assert counts(served, path) == ((0, 0, 2) if what == "runs" else (2, 0, 0))
    assert [run["evaluations"] for run in served.get(f"{path}/runs").json["items"]] == ([] if what == "runs" else [[], []])
    assert served.post(f"{path}/{what}/batch", given).json["recorded"] == 2
