"""Do both clients make the same versions of the same data, and does each go on with what the other one began?"""

import json
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from stage1.client import Client, Interrupted
from tests.plugins.node import NodePackage
from tests.plugins.served import Served

Node = Callable[..., Any]


@pytest.fixture
def client(served: Served):
    with Client(served.url, token="") as found:
        yield found


@pytest.fixture
def node(typescript_package: NodePackage, served: Served) -> Node:
    def call(command: str, **given: Any) -> Any:
        text = json.dumps({"command": command, **given})
        ended = typescript_package.run("tests/both_languages.mjs", given=text, env={"STAGE1_SERVER": served.url})
        return json.loads(ended.stdout)

    return call


def content(n: int) -> dict[str, Any]:
    """Content of every kind that the two languages write differently by themselves."""
    odd = [1e21, 1e-7, 0.1, -0.0, 100.0, 1 / 3, 5e-324, 2**53 - 1, '\u2028\x7f"\\\x1f', "e\u0301 \u00e9 \U0001f600", True, None]
    names = {"\U0001f600": 1, "\ufb33": 2, "\u20ac": 3, "a": 4, "A": 5, "": 6, "10": 7, "9": 8, "__proto__": 9}
    return {"n": n, "odd": odd[n % len(odd)], "list": [[], {}, [n, odd[(n + 1) % len(odd)]]], "names": names}


def rows(count: int, key: str) -> list[dict[str, Any]]:
    return [{key: f"s-{n:04}", "input": content(n), "output": {"double": 2 * n}, "metadata": {"k": n}} for n in range(count)]


@pytest.mark.parametrize("count", [30, 700], ids=["at once", "by plan"])
@pytest.mark.parametrize("mode", ["merge", "mirror"])
def test_the_same_data_of_the_other_language_make_no_version(client, node: Node, count: int, mode: str) -> None:
    python, typescript = rows(count, "source_id"), rows(count, "sourceId")
    name = f"first in Python, {count} {mode}"
    first = client.upsert_dataset(name=name, examples=python, mode=mode)
    then = node("upsert", name=name, examples=typescript, mode=mode)
    unchanged = {"new": 0, "changed": 0, "unchanged": count, "deleted": 0, "restored": 0}
    assert then == {"versionId": first.version_id, "createdVersion": False, "summary": unchanged}

    name = f"first in TypeScript, {count} {mode}"
    made = node("upsert", name=name, examples=typescript, mode=mode)
    assert (made["createdVersion"], made["summary"]["new"]) == (True, count)
    again = client.upsert_dataset(name=name, examples=python, mode=mode)
    assert (again.version_id, again.created_version, again.summary.unchanged) == (made["versionId"], False, count)

    # A change of one of them is a change for the other one, too, and no more than that.
    typescript[7]["output"]["double"] = -1
    changed = node("upsert", name=name, examples=typescript, mode=mode)
    assert (changed["createdVersion"], changed["summary"]["changed"]) == (True, 1)
    python[7]["output"]["double"] = -1.0
    assert client.upsert_dataset(name=name, examples=python, mode=mode).version_id == changed["versionId"]
    assert [version["sequence"] for version in client.versions(name)] == [2, 1]


def double(input):  # noqa: A002
    return {"double": 2 * input["n"]}


def right(output, expected):
    return output["double"] == expected["double"]


def size(output):
    return {
        "score": output["double"] / 10,
        "label": "big" if output["double"] > 9 else "small",
        "explanation": "by ten",
    }


def _results(client: Client, experiment_id: str) -> list[Any]:
    runs = client.get_experiment(experiment_id).runs()
    return sorted(
        (run["source_id"], run["attempt"], run["output"], sorted((each["name"], each["score"]) for each in run["evaluations"]))
        for run in runs
    )


def _wanted(count: int) -> list[Any]:
    return [(f"s-{n:04}", 1, {"double": 2 * n}, [("right", 1.0), ("size", n / 5)]) for n in range(count)]


def test_what_python_began_typescript_ends(client, node: Node) -> None:
    client.upsert_dataset(name="began in Python", examples=rows(50, "source_id"), mode="merge")
    is_over = threading.Event()

    def task(source_id, input):  # noqa: A002
        if source_id == "s-0030":
            os.kill(os.getpid(), signal.SIGINT)
            is_over.wait(60)
        return double(input)

    with pytest.raises(Interrupted) as interrupted:
        client.run_experiment("began in Python", task, [right, size], concurrency=1)
    is_over.set()
    experiment_id = interrupted.value.experiment_id
    assert [run["source_id"] for run in client.get_experiment(experiment_id).runs()] == [f"s-{n:04}" for n in range(30)]
    resumed = node("resume", experimentId=experiment_id)
    assert sorted(resumed["made"]) == [f"s-{n:04}" for n in range(30, 50)]
    assert resumed["counts"] == {"expected": 50, "succeeded": 50, "failed": 0, "missing": 0}
    assert _results(client, experiment_id) == _wanted(50)


def test_what_typescript_began_python_ends(client, node: Node) -> None:
    node("upsert", name="began in TypeScript", examples=rows(50, "sourceId"), mode="merge")
    began = node("runUntil", name="began in TypeScript", last="s-0030")
    assert began["kind"] == "Interrupted"
    assert [run["source_id"] for run in client.get_experiment(began["experimentId"]).runs()] == [f"s-{n:04}" for n in range(30)]
    made = []

    def task(source_id, input):  # noqa: A002
        made.append(source_id)
        return double(input)

    experiment = client.resume_experiment(began["experimentId"], task, [right, size])
    assert sorted(made) == [f"s-{n:04}" for n in range(30, 50)]
    assert experiment.successful_run_count == 50
    assert _results(client, began["experimentId"]) == _wanted(50)


def test_one_of_each_is_compared_alike_by_both(client, node: Node) -> None:
    name = "compared in both"
    client.upsert_dataset(name=name, examples=rows(25, "source_id"), mode="merge")
    base = client.run_experiment(name, double, [right, size], name="python")
    changed = rows(25, "source_id")
    changed[4]["metadata"] = {}
    client.upsert_dataset(name=name, examples=changed, mode="merge")
    other = node("run", name=name)["experimentId"]
    python, typescript = client.compare_experiments(base, other), node("compare", baseId=base.experiment_id, otherId=other)
    assert [row for row in typescript["examples"] if row[1]] == [["s-0004", True]]
    assert typescript["examples"] == [[row["source_id"], row["content_differs"]] for row in python]
    for ours, theirs in zip(python.evaluations, typescript["evaluations"], strict=True):
        assert (ours.name, ours.paired_count, ours.worse) == (theirs["name"], 24, theirs["worse"])
        assert theirs["isClear"] is ours.is_clear
        assert theirs["delta"] == pytest.approx(ours.delta)
        assert theirs["interval"] == pytest.approx(list(ours.interval))
    assert typescript["text"].splitlines() == str(python).splitlines()
