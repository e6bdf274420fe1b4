"""Is every run made once, whatever tasks do, and is what was done kept, whatever happens to the program?"""

import asyncio
import os
import signal
import sys
import threading

import pytest

from stage1.client import Client, Interrupted, ServerUnavailable
from stage1.client.experiments import experiment_at
from stage1.client.running import carried_out, planned
from stage1.errors import ArgumentInvalid, RunNotExpected
from tests.unit.client.conftest import cut, reply
from tests.unit.client.experiment_server import EXPERIMENT, ExperimentServer

OPTIONS = {"concurrency": 4, "retries": 0, "timeout": None, "progress": None, "on_conflict": "refuse"}


@pytest.fixture
def server(scripted):
    found = ExperimentServer()
    scripted.otherwise = found
    return found


@pytest.fixture
def run(scripted, server):
    def run(task, evaluators=(), **options):
        requests = scripted.requests()
        plan = planned(requests, task, evaluators, **{**OPTIONS, **options})
        experiment = experiment_at(requests, EXPERIMENT)
        return carried_out(plan, experiment.begun() if plan.on_conflict == "refuse" else experiment)

    return run


def double(input):  # noqa: A002
    return 2 * input["n"]


async def double_later(input):  # noqa: A002
    await asyncio.sleep(0)
    return 2 * input["n"]


def right(output, expected):
    return output == expected["double"]


async def size(output):
    return {"score": output, "label": "big" if output > 9 else "small"}


@pytest.mark.parametrize("task", [double, double_later, lambda row: double_later(row)])
def test_every_run_is_made_and_evaluated(run, server, task):
    server.repetitions = 2
    noted = []
    experiment = run(task, [right, size], progress=lambda *said: noted.append(said))
    assert {key: run["output"] for key, run in server.runs.items()} == {(f"s{n:04}", r): 2 * n for n in range(10) for r in (1, 2)}
    assert server.evaluations["s0003", 2, "right"]["label"] == "true"
    assert server.evaluations["s0003", 2, "size"]["score"] == 6
    assert len(server.evaluations) == 40
    assert noted == [("runs", n, 20) for n in range(1, 21)]
    said = str(experiment)
    assert "20 of 20 succeeded, 0 failed, 0 missing" in said
    assert "  right           20     1       0  true 20\n" in said
    assert "big 10, small 10" in said


def test_a_failing_task_is_a_run_with_its_error(run, server):
    def task(input):  # noqa: A002
        if input["n"] == 1:
            raise KeyError("absent")
        if input["n"] == 2:
            sys.exit("gone")
        if input["n"] == 3:
            raise StopIteration
        if input["n"] == 4:
            return {"x": float("nan")}
        if input["n"] == 5:
            raise ValueError("half a pair \ud800 and \0 none")
        input.clear()
        return 1

    async def also(input):  # noqa: A002
        raise asyncio.CancelledError

    def picky(output, input):  # noqa: A002
        raise RuntimeError(f"{input}")

    experiment = run(task, {"picky": picky})
    errors = [server.runs[f"s{n:04}", 1].get("error") for n in range(7)]
    assert errors == [
        None,
        "KeyError: 'absent'",
        "SystemExit: gone",
        "RuntimeError: coroutine raised StopIteration",
        "ValueError: what was returned is no JSON value: /x: nan is no JSON number. Send null, or leave it out.",
        "ValueError: half a pair ? and none",
        None,
    ]
    assert server.evaluations["s0006", 1, "picky"]["error"] == "RuntimeError: {'n': 6}"  # not what the task left of it
    assert "5 failed" in str(experiment)
    assert "2 x ValueError" in str(experiment)
    server.runs.clear()
    run(also)
    assert {found["error"] for found in server.runs.values()} == {"CancelledError"}


def test_a_task_is_tried_again_and_timed(run, server):
    tries = dict.fromkeys(range(10), 0)
    release = threading.Event()

    def moody(input):  # noqa: A002
        tries[input["n"]] += 1
        if input["n"] == 9:
            release.wait(30)  # hangs: its thread is given up
        if tries[input["n"]] < 2:
            raise OSError("not yet")
        return 1

    run(moody, retries=1, timeout=0.2, concurrency=10)
    release.set()
    assert server.runs["s0009", 1]["error"] == "TimeoutError: moody took longer than 0.2 s"
    assert sum(found.get("error") is None for found in server.runs.values()) == 9
    assert set(tries.values()) == {2}


def test_no_more_tasks_run_at_once_than_are_allowed(run, server):
    server.examples, lock, busy, most = 40, threading.Lock(), 0, 0
    meet = threading.Barrier(3)

    def task(source_id):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        if source_id < "s0003":
            meet.wait(30)  # three are at work at once
        with lock:
            busy -= 1

    run(task, concurrency=3)
    assert most == 3
    assert len(server.runs) == 40


def test_it_works_inside_of_a_running_loop(run, server):
    async def notebook():
        return run(double_later, [right])

    assert "10 of 10 succeeded" in str(asyncio.run(notebook()))


def test_an_interruption_keeps_what_is_done_and_resuming_does_the_rest(run, server):
    server.examples = 60
    made = []

    async def task(source_id, input):  # noqa: A002
        made.append(source_id)
        if len(made) == 25:
            os.kill(os.getpid(), signal.SIGINT)
        if len(made) >= 25:
            await asyncio.sleep(60)
        return 2 * input["n"]

    with pytest.raises(Interrupted, match=EXPERIMENT) as interrupted:
        run(task, [right])
    assert interrupted.value.experiment_id == EXPERIMENT
    assert isinstance(interrupted.value, KeyboardInterrupt)
    assert len(server.runs) == 24
    assert {key for key, _ in server.runs} <= set(made)
    server.evaluations.pop(next(iter(server.evaluations)))
    before = set(server.runs)
    resumed = []

    def rest(source_id, input):  # noqa: A002
        resumed.append(source_id)
        return double(input)

    experiment = run(rest, [right], on_conflict="keep")
    assert {(name, 1) for name in resumed} == {(f"s{n:04}", 1) for n in range(60)} - before
    assert len(server.runs) == len(server.evaluations) == 60
    assert "60 of 60 succeeded" in str(experiment)
    assert "true 60" in str(experiment)


def test_a_task_that_hangs_in_a_thread_does_not_hold_the_end(run, server):
    release = threading.Event()

    def task(source_id):
        if source_id == "s0002":
            os.kill(os.getpid(), signal.SIGINT)
            release.wait(60)
        return 1

    with pytest.raises(Interrupted):
        run(task, concurrency=1)
    release.set()
    assert len(server.runs) == 2


def test_what_somebody_else_recorded_meanwhile_stays_and_is_evaluated(run, server):
    def task(source_id, input):  # noqa: A002
        server.runs.setdefault((source_id, 1), {"source_id": source_id, "repetition": 1, "output": 2 * input["n"]})
        return 7

    run(task, [right], on_conflict="keep")
    assert {each["label"] for each in server.evaluations.values()} == {"true"}
    assert len(server.evaluations) == 10


def test_evaluations_of_recorded_outputs_are_made_alone(run, server):
    run(double)
    run(None, [right], on_conflict="keep")
    assert len(server.evaluations) == 10
    run(None, [right], on_conflict="keep")
    assert len(server.batches) == 1


def test_results_go_in_batches(run, server):
    server.examples = 450
    run(double)
    assert server.batches[:2] == [200, 200]
    assert sum(server.batches) == 450


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (reply(422, {"detail": "No such run.", "code": "S1X03"}, media_type="application/problem+json"), RunNotExpected),
        (cut, ServerUnavailable),
    ],
    ids=["refused", "gone"],
)
@pytest.mark.parametrize("name", ["/runs/batch", "/runs/missing"])
def test_a_server_that_fails_ends_the_work_and_says_how_to_go_on(run, server, failure, kind, name):
    server.examples = 3000
    server.instead = lambda asked: failure if asked == name else None
    with pytest.raises(kind, match=rf"resume_experiment\('{EXPERIMENT}', \.\.\.\) goes on"):
        run(double)
    assert [thread.name for thread in threading.enumerate() if thread.name == "stage1-experiment"] == []


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"retries": -1}, {"timeout": 0}])
def test_options_are_checked_before_anything_runs(scripted, wrong):
    with Client(scripted.url) as client, pytest.raises(ArgumentInvalid):
        client.run_experiment("set", double, **wrong)
    assert scripted.asked == []
