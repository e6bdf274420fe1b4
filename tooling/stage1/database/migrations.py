"""The history of a database against the files of migrations/: compare, refuse, apply.

Owns the states of a migration and the order of events inside one: bookkeeping, the drops of its header, its steps,
its record. Only used under the migration lock (see `locks`), except for reading the state.
"""

import glob
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
from yoyo import read_migrations
from yoyo.exceptions import BadMigration

from stage1 import __version__, clock, faults, resources
from stage1.database import calls, objects
from stage1.database.connections import Connection, translate
from stage1.database.migration_backend import AtomicBackend
from stage1.database.migration_files import MigrationFile, check_seal, number_of, read_folder, refuse_own_transactions
from stage1.database.patience import with_patience
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
            hint="Restore the files (git checkout -- migrations) or install the package again.",
        )
    if of("changed"):
        raise HistoryChanged(
            detail=f"Applied with another content: {of('changed')}.",
            hint="Restore the files (git checkout -- migrations) and put the change into a new migration.",
        )
    if of("out of order"):
        raise HistoryOutOfOrder(
            detail=f"Pending, but older than what is applied: {of('out of order')}.",
            hint="Give the new migration the next free number, then `make seal`.",
        )
    check_seal(resources.migrations_folder())


def apply_pending(connection: Connection, settings: Settings, say: Callable[[str], None]) -> list[Applied]:
    """Applies what is pending, one migration after the other; each with its record or not at all."""
    pending = [row.file for row in states(connection) if row.state == "pending" and row.file]
    if not pending:
        return []
    refuse_own_transactions(pending)
    done = []
    backend = AtomicBackend(connection)
    try:
        available = {migration.id: migration for migration in read_migrations(glob.escape(str(resources.migrations_folder())))}
        for file in pending:
            say(f"applying {file.id}")
            step = partial(_apply, connection, backend, file, available[file.id])
            done.append(with_patience(settings, say, file.id, step))
            faults.reach(f"after {file.id}")
    except BadMigration as problem:
        raise ObjectFileInvalid(f"A migration was not understood: {problem}.", hint="Check its `-- depends:` line.") from problem
    return done


def _apply(connection: Connection, backend: AtomicBackend, file: MigrationFile, migration: Any) -> Applied:
    notices: list[str] = []

    def heard(diagnosis: psycopg.errors.Diagnostic) -> None:
        if diagnosis.severity_nonlocalized in ("NOTICE", "WARNING") and (diagnosis.sqlstate or "")[:2] in ("00", "01"):
            notices.append(diagnosis.message_primary or "")

    def before() -> None:
        objects.install_bookkeeping(connection)
        objects.drop_for_migration(connection, file)
        faults.reach(f"inside {file.id}")

    def after() -> None:
        _refuse_invalid_indexes(connection, file)
        calls.rows(
            connection,
            "stage1_internal.record_migration",
            p_migration_id=file.id,
            p_sha256=file.sha256,
            p_tool_version=__version__,
        )
        faults.reach(f"before the commit of {file.id}")

    started = clock.monotonic()
    connection.add_notice_handler(heard)
    try:
        backend.apply_atomically(migration, before, after)
    except psycopg.Error as problem:
        raise _named(file, problem) from problem
    finally:
        connection.remove_notice_handler(heard)
        _forget_search_path(connection)
    return Applied(file.id, clock.monotonic() - started, tuple(notices))


def _refuse_invalid_indexes(connection: Connection, file: MigrationFile) -> None:
    """A concurrent build that gave way to a lock leaves its index behind, and the next try passes over it as existing."""
    found = [] if file.transactional else [row["index_name"] for row in calls.query(connection, "invalid_indexes")]
    if found:
        raise ObjectFileInvalid(
            f"{file.id} left indexes that are not valid: {', '.join(found)}; it was not recorded.",
            hint=f"Run `drop index concurrently {', '.join(found)}`, end long transactions, and run `stage1 migrate` again.",
        )


def _forget_search_path(connection: Connection) -> None:
    """What a file set for itself must not bend the next one, nor the deploy."""
    if not connection.closed and connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE:
        connection.execute("select pg_catalog.set_config('search_path', '', false)")


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
