"""Is what was done kept, and does whoever asked learn how to go on, whatever ends an experiment before its time?"""

import asyncio
import os
import signal
import threading

import pytest

from stage1.client import Interrupted, ServerUnavailable
from stage1.errors import RunNotExpected, ServerExhausted
from tests.unit.client.conftest import cut, reply
from tests.unit.client.experiment_server import EXPERIMENT

AWAY = reply(503, {"detail": "Too many at once.", "code": "ServerExhausted"}, media_type="application/problem+json")


def double(input):  # noqa: A002
    return 2 * input["n"]


def right(output, expected):
    return output == expected["double"]


def interrupting(handler, asked):
    """A Ctrl-C instead of the answer."""
    os.kill(os.getpid(), signal.SIGINT)


def assert_nothing_works():
    for thread in threading.enumerate():
        if thread.name == "stage1-experiment":
            thread.join(60)
            assert not thread.is_alive()


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


def test_an_interruption_in_its_first_moment_leaves_nothing_at_work(run, server, monkeypatch):
    start = threading.Thread.start

    def interrupted(thread):
        start(thread)
        if thread.name == "stage1-experiment":
            raise KeyboardInterrupt

    async def task():
        await asyncio.sleep(60)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(Interrupted):
        run(task)
    assert_nothing_works()


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
    assert_nothing_works()


@pytest.mark.parametrize("name", ["/runs/batch", "/runs/missing"])
def test_a_server_that_is_started_anew_is_waited_for(run, server, scripted, name):
    away = [name] * 8
    server.instead = lambda asked: AWAY if asked in away and not away.remove(asked) else None
    assert "10 of 10 succeeded" in str(run(double))
    assert len(scripted.pauses) == 8


@pytest.mark.parametrize("ends", [AWAY, interrupting], ids=["gone", "interrupted"])
def test_what_fails_after_the_last_run_names_the_experiment_too(run, server, ends):
    server.instead = lambda asked: ends if asked == "" and server.runs else None
    with pytest.raises((ServerExhausted, Interrupted), match=rf"resume_experiment\('{EXPERIMENT}', \.\.\.\) goes on"):
        run(double)
    assert len(server.runs) == 10
