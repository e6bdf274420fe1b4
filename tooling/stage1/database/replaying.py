"""Executes the statements of offline clients, each together with its row of the ledger, in one transaction.

Owns the two things that must not come apart: the effect of a statement and the record of it. Statements go through the
extended protocol, where one text is one statement, on a connection that has logged in as the weak role itself. A batch is sent
in one go; one that fails is halved until the statement that fails stands alone. Refuses nothing itself: the whitelist has
judged before, PostgreSQL and the role's grants judge again. Imports database and model.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg

from stage1 import clock, faults
from stage1.database import calls
from stage1.database.connections import Connection, Purpose, connected, limited, translate
from stage1.database.targets import Target
from stage1.errors import SpoolEdited
from stage1.model.replay_rules import Rules
from stage1.model.replay_units import Entry, Unit
from stage1.settings import Settings

ROLE = "stage1_replay"
_TRIES = 4
# Another session stood in the way: the same statement may do better in a moment.
_TRY_AGAIN = ("40001", "40P01", "55P03")
# The server, not the statement, is why it failed: the run stops, and the file stays where it is.
_STOP = ("08", "25", "28", "3D", "40", "53", "55", "57", "58", "F0")
_MISSING_PARENT = "23503"
_TOO_SLOW = "57014"
# Out of memory, too slow, an internal error: of the statement, where the server still answers.
_OF_A_STATEMENT = ("53200", _TOO_SLOW)
_INTERNAL = "XX"


@dataclass(frozen=True)
class Spool:
    """What the ledger knows of a spool file."""

    number: int
    replayed_to: int
    is_done: bool
    statements: dict[int, tuple[bytes, str]]

    def left_of(self, unit: Unit) -> Unit | None:
        """What of a unit is not in the ledger yet; refuses one that has changed since it was applied."""
        for entry in unit.entries:
            sha256, status = self.statements.get(entry.position, (entry.sha256, ""))
            # Of what was given up, because it was not finished, the rest may have come later: it stays given up.
            if sha256 != entry.sha256 and status in ("applied", "waiting"):
                raise SpoolEdited(
                    f"The statement at byte {entry.position} is not the one that was replayed there.",
                    hint="A spool file is never edited after it was claimed. Put its claimed text back, or submit what is new in "
                    "a file of its own.",
                )
        left = [entry for entry in unit.entries if entry.position not in self.statements and entry.position >= self.replayed_to]
        if not left:
            return None
        if len(left) == len(unit.entries):
            return unit
        return Unit(tuple(left)).refused("the transaction that it belongs to was given up before it was finished")


@dataclass
class Counts:
    """What became of statements."""

    applied: int = 0
    known: int = 0
    waiting: int = 0
    dead: int = 0

    def add(self, other: "Counts") -> None:
        """Adds another count to this one."""
        for name in ("applied", "known", "waiting", "dead"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True)
class _Failure:
    unit: Unit
    sqlstate: str | None
    reason: str


class Replayer:
    """One run of the replay, while it lasts."""

    def __init__(self, connection: Connection, settings: Settings, kind: str) -> None:
        self._connection, self._settings = connection, settings
        self.run = self._one("begin_replay", p_kind=kind)["begin_replay"]
        self._patience = timedelta(days=settings.seconds("STAGE1_REPLAY_PATIENCE"))

    def rules(self) -> Rules:
        """What a spool may do in this database."""
        with limited(self._connection, self._settings, Purpose.REPLAY):
            return rules(self._connection)

    def find_spool(self, identity: str) -> Spool | None:
        """The ledger of a spool file, if there is one; without its statements."""
        with limited(self._connection, self._settings, Purpose.REPLAY):
            found = calls.rows(self._connection, "stage1_internal.find_spool", p_identity=identity)
        return Spool(found[0]["spool_id"], found[0]["replayed_to"], found[0]["is_done"], {}) if found else None

    def open_spool(self, identity: str, name: str) -> Spool:
        """The ledger of a spool file, which is opened if there is none."""
        found = self._one("open_spool", p_run_id=self.run, p_identity=identity, p_name=name)
        with limited(self._connection, self._settings, Purpose.REPLAY):
            return _with_statements(self._connection, {**found, "is_done": False})

    def close_spool(self, spool: Spool, replayed_to: int) -> None:
        """Notes that a spool file is replayed to its end."""
        self._one("close_spool", p_spool_id=spool.number, p_replayed_to=replayed_to)

    def finish(self, counts: Counts, error: str | None = None) -> None:
        """Closes the run."""
        self._one(
            "finish_replay",
            p_run_id=self.run,
            p_applied=counts.applied,
            p_known=counts.known,
            p_waiting=counts.waiting,
            p_dead=counts.dead,
            p_error=error,
        )

    def give_up(self, counts: Counts, error: str) -> None:
        """Notes why the run was stopped, if the connection still can; else the next run finds it."""
        with suppress(psycopg.Error):
            self.finish(counts, error)

    def waiting(self, after: tuple[int, int]) -> list[dict[str, Any]]:
        """A page of the statements that wait, behind a spool and unit."""
        with limited(self._connection, self._settings, Purpose.REPLAY):
            return calls.rows(
                self._connection, "stage1_internal.waiting_statements", p_after_spool=after[0], p_after_unit=after[1]
            )

    def retry_letters(self, identity: str | None, position: int | None) -> int:
        """Lets dead letters wait again."""
        found = self._one("retry_letters", p_identity=identity, p_position=position)
        return int(found["retry_letters"])

    def replay(self, spool: int, units: Sequence[Unit], replayed_to: int = 0) -> Counts:
        """Applies units in their order, records what fails, and notes how far the spool is replayed."""
        failures: list[_Failure] = []
        good = [unit for unit in units if not unit.is_refused]
        counts = Counts(applied=self._attempt(spool, good, failures, replayed_to if len(good) == len(units) else 0))
        failures += [_Failure(unit, None, "") for unit in units if unit.is_refused]
        if failures:
            with limited(self._connection, self._settings, Purpose.REPLAY):
                for failure in failures:
                    status = self._record(spool, failure)
                    setattr(counts, status, getattr(counts, status) + len(failure.unit.entries))
                calls.rows(
                    self._connection, "stage1_internal.record_applied", **self._entries(spool, []), p_replayed_to=replayed_to
                )
                faults.reach("replay: failures recorded")
            faults.reach("replay: failures committed")
        return counts

    def _attempt(self, spool: int, units: list[Unit], failures: list[_Failure], replayed_to: int = 0) -> int:
        """How many statements were applied; halves a batch until what fails stands alone."""
        if not units:
            return 0
        for attempt in range(_TRIES):
            try:
                self._apply(spool, units, replayed_to)
                return sum(len(unit.entries) for unit in units)
            except psycopg.Error as problem:
                error = problem
            if error.sqlstate not in _TRY_AGAIN or attempt == _TRIES - 1:
                break
            clock.pause(random.random() * 0.2 * (attempt + 1))  # noqa: S311 - jitter
        if self._is_the_servers(error):
            raise translate(error) from error
        if len(units) == 1:
            failures.append(_Failure(units[0], error.sqlstate, _reason(error)))
            return 0
        middle = len(units) // 2
        return self._attempt(spool, units[:middle], failures) + self._attempt(spool, units[middle:], failures)

    def _is_the_servers(self, error: psycopg.Error) -> bool:
        """Whether a failure has nothing to do with the statement, or with the ledger's word about it."""
        code = error.sqlstate
        if code is None or code in ("S1R02", "S1R05"):
            return True
        if code in _OF_A_STATEMENT or code[:2] == _INTERNAL:
            # A value may be larger than any memory: then the server goes on, and the next statement does better.
            try:
                self._one("find_spool", p_identity="")
            except IndexError:
                return False
            except psycopg.Error:
                return True
        return code[:2] in _STOP

    def _apply(self, spool: int, units: list[Unit], replayed_to: int) -> None:
        entries = [(entry, unit) for unit in units for entry in unit.entries]
        record = {**self._entries(spool, entries), "p_replayed_to": replayed_to}
        with self._connection.pipeline(), limited(self._connection, self._settings, Purpose.REPLAY):
            # First: whoever is at the same statements waits here, and does nothing of it.
            calls.send(self._connection, "stage1_internal.record_applied", **record)
            for entry, _ in entries:
                psycopg.RawCursor(self._connection).execute(entry.text, binary=True)
            faults.reach("replay: batch sent")
        faults.reach("replay: batch committed")

    def _record(self, spool: int, failure: _Failure) -> str:
        entries = [(entry, failure.unit) for entry in failure.unit.entries]
        waits = failure.sqlstate in (_MISSING_PARENT, _TOO_SLOW)
        found = calls.rows(
            self._connection,
            "stage1_internal.record_unapplied",
            **self._entries(spool, entries),
            p_status="waiting" if waits else "dead",
            p_sqlstates=[failure.sqlstate] * len(entries),
            p_reasons=[entry.refusal or failure.reason for entry, _ in entries],
            p_statements=[entry.readable for entry, _ in entries],
            p_is_final=failure.unit.is_final,
            p_patience=self._patience,
        )
        return str(found[0]["record_unapplied"])

    def _entries(self, spool: int, entries: Sequence[tuple[Entry, Unit]]) -> dict[str, object]:
        return {
            "p_run_id": self.run,
            "p_spool_id": spool,
            "p_positions": [entry.position for entry, _ in entries],
            "p_sha256s": [entry.sha256 for entry, _ in entries],
            "p_units": [unit.position for _, unit in entries],
        }

    def _one(self, function: str, **arguments: object) -> dict[str, Any]:
        with limited(self._connection, self._settings, Purpose.REPLAY):
            return calls.rows(self._connection, f"stage1_internal.{function}", **arguments)[0]


@contextmanager
def replaying(target: Target, settings: Settings, kind: str) -> Iterator[Replayer]:
    """A run of the replay, of the given kind: spool, files or retry; the caller holds the replay's lock."""
    with connected(target, settings, Purpose.REPLAY) as connection:
        yield Replayer(connection, settings, kind)


@contextmanager
def looking(target: Target, settings: Settings) -> Iterator[Connection]:
    """A connection of the weak role that only reads."""
    with connected(target, settings, Purpose.READ) as connection:
        yield connection


def rules(connection: Connection) -> Rules:
    """What a spool may do in this database, by the role matrix."""
    found = calls.rows(connection, "stage1_internal.replay_rules")
    return Rules(
        tables={
            (row["schema_name"], row["object_name"]): frozenset(row["column_names"])
            for row in found
            if row["object_kind"] == "table"
        },
        functions=frozenset((row["schema_name"], row["object_name"]) for row in found if row["object_kind"] == "function"),
    )


def find_spool(connection: Connection, identity: str) -> Spool | None:
    """The ledger of a spool file, for those who only look."""
    found = calls.rows(connection, "stage1_internal.find_spool", p_identity=identity)
    return _with_statements(connection, found[0]) if found else None


def _with_statements(connection: Connection, found: dict[str, Any]) -> Spool:
    known = calls.rows(connection, "stage1_internal.spool_statements", p_spool_id=found["spool_id"])
    statements = {row["at_byte"]: (bytes(row["sha256"]), row["status"]) for row in known}
    return Spool(found["spool_id"], found["replayed_to"], found["is_done"], statements)


def _reason(error: psycopg.Error) -> str:
    parts = (error.diag.message_primary, error.diag.message_detail)
    return " ".join(part for part in parts if part) or str(error)
