"""Tries a step again while another session holds a table that it needs; every other error ends it at once."""

import random
from collections.abc import Callable
from typing import TypeVar

import psycopg

from stage1 import clock
from stage1.errors import Stage1Error, TimedOut
from stage1.settings import Settings

Result = TypeVar("Result")


def with_patience(settings: Settings, say: Callable[[str], None], what: str, step: Callable[[], Result]) -> Result:
    """Runs a step that is all or nothing, again with growing pauses while it ends on a lock timeout."""
    retries = settings.count("STAGE1_LOCK_RETRIES")
    for attempt in range(1, retries + 2):
        try:
            return step()
        except (psycopg.Error, Stage1Error) as problem:
            if not _is_lock_timeout(problem):
                raise
            # A translated error begins with the file that met the busy table, which says more than the step does.
            what = problem.message.partition(":")[0] if isinstance(problem, Stage1Error) else what
            if attempt > retries:
                raise TimedOut(
                    f"{what} could not get a table lock in {attempt} tries; nothing of it was applied.",
                    hint="Look for long transactions (select * from pg_stat_activity), end them, and run `stage1 migrate` again.",
                ) from problem
            say(f"{what}: a table is in use; trying again ({attempt} of {retries})")
            clock.pause(min(5.0, 0.1 * 2**attempt) * (0.5 + random.random()))  # noqa: S311 - jitter
    raise AssertionError("unreachable: the loop returns or raises")


def _is_lock_timeout(problem: BaseException | None) -> bool:
    return isinstance(problem, psycopg.errors.LockNotAvailable) or (
        isinstance(problem, Stage1Error) and isinstance(problem.__cause__, psycopg.errors.LockNotAvailable)
    )
