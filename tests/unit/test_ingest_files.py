"""Are many files worked on independently, ended together, and summed up by the right exit code?"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stage1 import errors
from stage1.operations import ingest_files as module
from stage1.operations.ingest import Outcome, silent
from stage1.operations.ingest_files import Ended, exit_code_of, ingest_files
from stage1.operations.load_bars import Progress

PATHS = [Path(f"{number}.dbn") for number in range(4)]
REFUSED, CANNOT, GONE = errors.BadRows(), errors.FileUnusable(), errors.ConnectionLost()


def unheard(_: Path) -> Progress:
    return silent


def run(work: Callable[..., Outcome], jobs: int, through: Callable[[Outcome], Any] = id) -> Ended:
    return ingest_files(PATHS, work, jobs, unheard, through)


def statuses(ended: Ended) -> list[str]:
    assert [outcome.path for outcome in ended.outcomes] == PATHS
    return [outcome.status for outcome in ended.outcomes]


def loaded_but(number: int, problem: BaseException) -> Callable[..., Outcome]:
    def work(path: Path, tell: Any, opened: Any) -> Outcome:
        if path == PATHS[number]:
            raise problem
        return Outcome(path, "loaded")

    return work


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("bug", [RuntimeError("with a secret"), errors.Unexpected("PostgreSQL answered XX000: no.")])
def test_a_bug_is_the_failure_of_its_file_and_raised_at_the_end(jobs: int, bug: Exception) -> None:
    ended = run(loaded_but(1, bug), jobs)
    assert statuses(ended) == ["loaded", "failed", "loaded", "loaded"]
    assert ended.raised is bug
    problem = ended.outcomes[1].problem
    assert problem is not None
    assert problem.exit_code is errors.ExitCode.BUG
    assert "secret" not in str(problem)


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_goes_wrong_beside_the_files_ends_them_and_is_raised_behind_the_answer(jobs: int) -> None:
    bug = ZeroDivisionError()

    def through(outcome: Outcome) -> None:
        raise bug

    ended = run(loaded_but(1, CANNOT), jobs, through)
    assert "loaded" in statuses(ended)
    assert ended.raised is bug


def test_nothing_is_begun_when_one_was_interrupted() -> None:
    ended = run(loaded_but(2, KeyboardInterrupt()), 1)
    assert statuses(ended) == ["loaded", "loaded", "interrupted", "not tried"]
    assert isinstance(ended.raised, KeyboardInterrupt)


class Waiting:
    """Work that waits for PostgreSQL, so to speak, and ends when it was cancelled often enough."""

    def __init__(self, cancels: int, problem: BaseException) -> None:
        self._left, self._problem = cancels, problem
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self._cancelled.set()
        raise RuntimeError("a cancel that fails is no reason to give up")

    def work(self, path: Path, _: Any, opened: Any) -> Outcome:
        if path == PATHS[0]:
            return Outcome(path, "loaded")
        opened(self)
        self._cancelled.wait(30)
        raise self._problem


def interrupt(outcome: Outcome) -> None:
    if outcome.status == "loaded":
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("problem", "status"), [(KeyboardInterrupt(), "interrupted"), (errors.TimedOut(), "interrupted"), (REFUSED, "failed")]
)
def test_those_that_wait_are_cancelled_until_they_end(problem: BaseException, status: str) -> None:
    ended = ingest_files(PATHS[:2], Waiting(3, problem).work, 2, unheard, interrupt)
    assert [outcome.status for outcome in ended.outcomes] == ["loaded", status]
    assert isinstance(ended.raised, KeyboardInterrupt)


def test_who_cannot_be_cancelled_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    waiting = Waiting(1_000, KeyboardInterrupt())
    ended = ingest_files(PATHS[:2], waiting.work, 2, unheard, interrupt)
    assert [outcome.status for outcome in ended.outcomes] == ["loaded", "interrupted"]
    waiting._cancelled.set()


def test_work_that_tells_how_far_it_is_hears_of_the_interruption() -> None:
    begun, heard = threading.Event(), threading.Event()

    def work(path: Path, tell: Any, _: Any) -> Outcome:
        if path == PATHS[0]:
            assert begun.wait(30)
            return Outcome(path, "loaded")
        begun.set()
        try:
            while True:
                tell("loaded", 1, 0)
        except KeyboardInterrupt:
            heard.set()
            raise

    ended = ingest_files(PATHS[:2], work, 2, unheard, interrupt)
    assert heard.is_set()
    assert [outcome.status for outcome in ended.outcomes] == ["loaded", "interrupted"]


@pytest.mark.parametrize(
    ("fates", "code"),
    [
        (["loaded", "unchanged", "proven"], 0),
        (["loaded", REFUSED], 1),
        (["loaded", CANNOT], 1),
        (["loaded", GONE], 1),
        ([REFUSED, REFUSED], 3),
        ([CANNOT, CANNOT], 4),
        ([CANNOT, REFUSED], 1),
        ([GONE, "not tried"], 4),
        (["loaded", GONE, "not tried"], 4),
        ([REFUSED, GONE, "not tried"], 1),
        (["loaded", "interrupted", "not tried"], 1),
    ],
)
def test_the_exit_code_of_many(fates: list[Any], code: int) -> None:
    outcomes = [Outcome(PATHS[0], fate) if isinstance(fate, str) else Outcome(PATHS[0], "failed", problem=fate) for fate in fates]
    assert exit_code_of(outcomes) == code
