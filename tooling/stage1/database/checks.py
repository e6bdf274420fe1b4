"""Asks the checks of the database, all in one snapshot that is read only, each in a savepoint of its own.

Owns what one check may do to the others: nothing. One that takes too long or fails is an answer that is missing, with its
reason; only a lost connection ends them all. Writes nothing but the record of a validation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from stage1 import clock
from stage1.database import calls
from stage1.database.connections import Connection, Purpose, connect, connected, limited, translate, translated
from stage1.database.targets import Target
from stage1.errors import ConnectionLost, NotMigrated, Stage1Error
from stage1.model.json_text import JsonText
from stage1.settings import Settings

# What they find right is remembered, so that they look at what changed since.
BAR_CHECKS = ("bar_summaries_differ", "bars_without_ingest")


@dataclass(frozen=True)
class Answer:
    """What one check answered, or why it did not."""

    check: str
    errors: int = 0
    warnings: int = 0
    milliseconds: int = 0
    problem: str | None = None
    cause: Stage1Error | None = None  # of the problem
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def severity(self) -> str | None:
        """The worst that was found; `not answered` where nobody knows."""
        if self.problem is not None:
            return "not answered"
        return "error" if self.errors else "warning" if self.warnings else None


class Snapshot:
    """One state of the database, of which the checks are asked; made by `snapshot`."""

    def __init__(self, connection: Connection, settings: Settings, recount: str) -> None:
        self._connection = connection
        self._settings = settings
        self._recount = recount

    def names(self) -> list[str]:
        """The checks that are deployed."""
        found = [str(row["check_name"]) for row in calls.rows(self._connection, "stage1_internal.checks")]
        if not found:
            raise NotMigrated("The database has no checks yet; run `stage1 migrate`.")
        return found

    def ask(self, check: str, limit: int | None) -> Answer:
        """The answer of one check with its first findings; None = all of them."""
        began = clock.monotonic()
        try:
            rows = self._call("check_findings", p_check_name=check, p_limit=limit, p_recount=self._recount)
        except psycopg.Error as problem:
            cause = translate(problem)
            return Answer(check, milliseconds=_since(began), problem=self._why(check, problem, cause), cause=cause)
        counts = {str(row["severity"]): int(row["findings"]) for row in rows}
        findings = [{name: row[name] for name in ("severity", "subject", "detail")} for row in rows]
        errors = sum(count for severity, count in counts.items() if severity != "warning")
        return Answer(check, errors, counts.get("warning", 0), _since(began), findings=findings)

    def recounted(self) -> JsonText:
        """The summaries of the symbols that the checks of bars looked at."""
        with translated():
            [row] = self._call("recounted_summaries", p_recount=self._recount)
        found: JsonText = row["recounted_summaries"]
        return found

    def _call(self, function: str, **arguments: object) -> list[dict[str, Any]]:
        with self._connection.transaction():
            return calls.rows(self._connection, f"stage1_internal.{function}", **arguments)

    def _why(self, check: str, problem: psycopg.Error, error: Stage1Error) -> str:
        if self._connection.closed or isinstance(error, ConnectionLost):
            raise error from problem
        if not isinstance(problem, psycopg.errors.QueryCanceled):
            return " ".join(str(error).split())
        seconds = self._settings.text("STAGE1_STATEMENT_TIMEOUT")
        longer = f"{error.message} The limit is STAGE1_STATEMENT_TIMEOUT, {seconds} seconds; give this run a longer one"
        return f"{longer}: the next one looks only at what changes from now on." if check in BAR_CHECKS else f"{longer}."


@contextmanager
def snapshot(target: Target, settings: Settings, recount: str) -> Iterator[Snapshot]:
    """One state of the database; the statement timeout is that of each check. `recount` is what stage1.recount becomes."""
    connection = connect(target, settings, Purpose.READ)
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with translated(), limited(connection, settings, Purpose.READ):
            yield Snapshot(connection, settings, recount)
    finally:
        connection.close()


def record(target: Target, settings: Settings, run: str, recounted: JsonText | None, wrong: list[str]) -> int:
    """Writes a validation down, in a transaction of its own, and returns its id."""
    with connected(target, settings, Purpose.WRITE) as connection:
        [row] = calls.rows(
            connection,
            "stage1_internal.record_validation",
            p_run=run,
            p_recounted=recounted.text if recounted else None,
            p_wrong=wrong,
        )
        return int(row["record_validation"])


def _since(began: float) -> int:
    return round((clock.monotonic() - began) * 1000)
