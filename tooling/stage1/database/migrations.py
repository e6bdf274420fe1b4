"""The history of a database against the files of migrations/: compare, refuse, apply.

Owns the states of a migration, the order of events inside one (bookkeeping, the drops of its header, its steps, its
record) and which of them share a transaction. Only writes under the migration lock (see `locks`).
"""

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from yoyo import read_migrations
from yoyo.exceptions import BadMigration

from stage1 import __version__, clock, faults, resources
from stage1.database import calls, objects
from stage1.database.connections import Connection, Purpose, limit, limited, translate
from stage1.database.migration_backend import AtomicBackend
from stage1.database.migration_files import MigrationFile, check_seal, number_of, read_folder
from stage1.errors import (
    ArgumentInvalid,
    DatabaseNewer,
    HistoryChanged,
    HistoryMissing,
    HistoryOutOfOrder,
    NotMigrated,
    ObjectFileInvalid,
    Stage1Error,
    Unexpected,
)
from stage1.redaction import redact
from stage1.settings import Settings

LEDGER = "stage1_internal.applied_migrations"


@dataclass(frozen=True)
class MigrationState:
    """One migration as the database and the files see it."""

    migration: str
    state: str  # applied | pending | out of order | changed | missing | newer
    applied_at: datetime | None
    file: MigrationFile | None


@dataclass(frozen=True)
class Applied:
    """What one migration did."""

    migration: str
    seconds: float
    notices: tuple[str, ...]


def states(connection: Connection) -> list[MigrationState]:
    """Every migration that has a file or was applied, in order."""
    files = {file.id: file for file in read_folder(resources.migrations_folder())}
    applied = {row["migration_id"]: row for row in calls.view(connection, LEDGER)} if calls.exists(connection, LEDGER) else {}
    newest_applied = max((number_of(name) for name in applied), default=0)
    newest_file = max((file.number for file in files.values()), default=0)

    def state_of(name: str) -> str:
        if name in applied and name in files:
            return "applied" if applied[name]["sha256"] == files[name].sha256 else "changed"
        if name in applied:
            return "newer" if number_of(name) > newest_file else "missing"
        return "out of order" if number_of(name) < newest_applied else "pending"

    return [
        MigrationState(name, state_of(name), applied[name]["applied_at"] if name in applied else None, files.get(name))
        for name in sorted({*files, *applied})
    ]


def applied_head(connection: Connection) -> str:
    """The number of the newest applied migration; 'none' before the first."""
    applied = calls.view(connection, LEDGER) if calls.exists(connection, LEDGER) else []
    return max((str(row["migration_id"])[:4] for row in applied), default="none")


def refuse_a_broken_history(found: list[MigrationState]) -> None:
    """Raises where the files are not the history of this database, naming what to do."""

    def of(state: str) -> str:
        return ", ".join(row.migration for row in found if row.state == state)

    if of("newer"):
        raise DatabaseNewer(
            detail=f"Applied, but unknown to stage1 {__version__}: {of('newer')}.",
            hint="Install the stage1 that migrated it (pip install --upgrade stage1), or restore a backup of before.",
        )
    if of("missing"):
        raise HistoryMissing(
            detail=f"Applied, but without a file: {of('missing')}.",
            hint="Install the package again; in a checkout: git checkout -- migrations.",
        )
    if of("changed"):
        raise HistoryChanged(
            detail=f"Applied with another content: {of('changed')}.",
            hint="Install the package again; in a checkout: git checkout -- migrations, and write a new migration.",
        )
    if of("out of order"):
        raise HistoryOutOfOrder(
            detail=f"Pending, but older than what is applied: {of('out of order')}.",
            hint="Give the new migration the next free number, then `make seal`.",
        )
    check_seal(resources.migrations_folder())


class Runner:
    """Applies migrations on one connection."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._backend = AtomicBackend(connection)
        folder = glob.escape(str(resources.migrations_folder()))
        self._known = {migration.id: migration for migration in read_migrations(folder)}

    def apply(self, file: MigrationFile) -> Applied:
        """Applies a transactional migration as a part of the caller's transaction."""
        with _heard(self._connection) as notices, _in_its_name(file):
            started = clock.monotonic()
            with self._backend.inside_a_transaction():
                self._prepare(file)
                self._backend.run(self._migration(file))
                self._record(file)
            limit(self._connection, self._settings, Purpose.MIGRATE, of_transaction=True)  # the file may have set some
            return Applied(file.id, clock.monotonic() - started, tuple(notices))

    def apply_alone(self, file: MigrationFile) -> Applied:
        """Applies a migration that cannot be part of a transaction; killed half way it is run again, so it is idempotent."""
        with _heard(self._connection) as notices, _in_its_name(file):
            started = clock.monotonic()
            with limited(self._connection, self._settings, Purpose.MIGRATE), self._backend.inside_a_transaction():
                self._prepare(file)
            limit(self._connection, self._settings, Purpose.MIGRATE, of_transaction=False)
            try:
                self._backend.run(self._migration(file))
            finally:
                if not self._connection.closed:
                    self._connection.execute("reset all")
            with limited(self._connection, self._settings, Purpose.MIGRATE), self._backend.inside_a_transaction():
                _refuse_invalid_indexes(self._connection, file)
                self._record(file)
            return Applied(file.id, clock.monotonic() - started, tuple(notices))

    def _migration(self, file: MigrationFile) -> Any:
        migration = self._known[file.id]
        try:
            migration.load()
        except BadMigration as problem:
            raise ObjectFileInvalid(
                f"A migration was not understood: {problem}.", hint="Check its `-- depends:` line."
            ) from problem
        return migration

    def _prepare(self, file: MigrationFile) -> None:
        self._backend.prepare(lambda: objects.install_bookkeeping(self._connection))
        objects.drop_for_migration(self._connection, file)
        faults.reach(f"inside {file.id}")

    def _record(self, file: MigrationFile) -> None:
        self._backend.record(self._known[file.id])
        calls.rows(
            self._connection,
            "stage1_internal.record_migration",
            p_migration_id=file.id,
            p_sha256=file.sha256,
            p_tool_version=__version__,
        )
        faults.reach(f"after {file.id}")


def batches(pending: list[MigrationFile]) -> list[list[MigrationFile]]:
    """The pending migrations by transaction: those that follow each other share one, a non-transactional one is alone.

    The last batch is one to which the deploy can be added; it may be empty.
    """
    found: list[list[MigrationFile]] = [[]]
    for file in pending:
        if file.transactional:
            found[-1].append(file)
        else:
            found += [[file], []]
    return [batch for place, batch in enumerate(found, start=1) if batch or place == len(found)]


@contextmanager
def _heard(connection: Connection) -> Iterator[list[str]]:
    """What a migration says by `raise notice` and `raise warning`."""
    notices: list[str] = []

    def hear(diagnosis: psycopg.errors.Diagnostic) -> None:
        if diagnosis.severity_nonlocalized in ("NOTICE", "WARNING") and (diagnosis.sqlstate or "")[:2] in ("00", "01"):
            notices.append(diagnosis.message_primary or "")

    connection.add_notice_handler(hear)
    try:
        yield notices
    finally:
        connection.remove_notice_handler(hear)


@contextmanager
def _in_its_name(file: MigrationFile) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as problem:
        raise _named(file, problem) from problem


def _refuse_invalid_indexes(connection: Connection, file: MigrationFile) -> None:
    """A concurrent build that gave way to a lock leaves its index behind, and the next try passes over it as existing."""
    found = [] if file.transactional else [row["index_name"] for row in calls.query(connection, "invalid_indexes")]
    if found:
        raise ObjectFileInvalid(
            f"{file.id} left indexes that are not valid: {', '.join(found)}; it was not recorded.",
            hint=f"Run `drop index concurrently {', '.join(found)}`, end long transactions, and run `stage1 migrate` again.",
        )


def _named(file: MigrationFile, problem: psycopg.Error) -> Stage1Error:
    """PostgreSQL does not know files; whoever repairs one needs its name."""
    ours = translate(problem)
    if isinstance(ours, Unexpected | ArgumentInvalid | NotMigrated) and ours.sqlstate != problem.sqlstate:
        reason = problem.diag.message_primary or ours.message
        return ObjectFileInvalid(
            f"PostgreSQL refused migrations/{file.path.name}: {redact(reason)} ({problem.sqlstate}).",
            detail=ours.detail,
            hint=ours.hint or ("" if file.transactional else "It is not transactional: what it did before the error stands."),
        )
    return type(ours)(f"{file.id}: {ours.message}", detail=ours.detail, hint=ours.hint)
