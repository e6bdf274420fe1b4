"""Is every run made once, and is its result what the task and the evaluators made, whatever they do?"""

import asyncio
import datetime as dt
import itertools
import sys
import threading

import pytest

from stage1 import clock
from stage1.client import Client, sending
from stage1.errors import ArgumentInvalid


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


def test_a_task_is_tried_again(run, server):
    tries = dict.fromkeys(range(10), 0)

    def moody(input):  # noqa: A002
        tries[input["n"]] += 1
        if tries[input["n"]] < 2:
            raise OSError("not yet")
        return 1

    run(moody, retries=1, concurrency=10)
    assert sum(found.get("error") is None for found in server.runs.values()) == 10
    assert set(tries.values()) == {2}


def test_a_task_that_takes_too_long_is_given_up(run, server):
    server.examples = 1
    begun, release = threading.Semaphore(0), threading.Event()

    def hanging():
        begun.release()
        release.wait(60)

    run(hanging, retries=1, timeout=0.2)
    assert server.runs["s0000", 1]["error"] == "TimeoutError: hanging took longer than 0.2 s"
    assert all(begun.acquire(timeout=60) for _ in range(2))  # the second try has a thread of its own
    release.set()


def test_nothing_ends_before_it_began_though_the_clock_is_set_back(run, server, monkeypatch):
    ages = itertools.count()
    monkeypatch.setattr(clock, "now", lambda: dt.datetime(2023, 1, 3, tzinfo=dt.UTC) - dt.timedelta(seconds=next(ages)))
    run(double, [right])
    made = [*server.runs.values(), *server.evaluations.values()]
    assert len(made) == 20
    assert all(each["started_at"] == each["finished_at"] for each in made)


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


def test_results_go_in_batches(run, server, monkeypatch):
    monkeypatch.setattr(sending, "_SECONDS", 60)
    server.examples = 450
    run(double)
    assert server.batches == [200, 200, 50]


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"concurrency": 2.5}, {"retries": -1}, {"timeout": 0}, {"timeout": "1"}])
def test_options_are_checked_before_anything_runs(scripted, wrong):
    with Client(scripted.url) as client, pytest.raises(ArgumentInvalid):
        client.run_experiment("set", double, **wrong)
    assert scripted.asked == []
