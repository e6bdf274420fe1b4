"""Brings a database to the schema of this version: backup, migrations, deploy, roles. Run again, it does nothing.

Owns the order of the steps and what is refused before the first of them. Every step is a transaction with its own
record (`database.migrations`, `database.objects`), so that a run which was killed anywhere is simply run again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from stage1 import faults
from stage1.database import calls, dumps, locks, migrations, objects, roles
from stage1.database.connections import Connection, Purpose, connected
from stage1.database.patience import with_patience
from stage1.database.targets import Target
from stage1.errors import SpoolPending
from stage1.operations.spool import pending_files
from stage1.settings import Settings

REPLAY_LEDGER = "stage1_internal.replay_ledger"


@dataclass
class MigrationReport:
    """What a run did, or would do."""

    database: str
    backup: str | None = None
    applied: list[migrations.Applied] = field(default_factory=list)
    deployed: list[objects.ObjectState] = field(default_factory=list)
    row_counts: list[dict[str, object]] = field(default_factory=list)
    role_gaps: list[dict[str, object]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def nothing_to_do(self) -> bool:
        """Whether the database was up to date before the run."""
        return not self.applied and not self.deployed


@dataclass(frozen=True)
class PlannedStep:
    """One thing that a run would do."""

    step: str
    name: str
    why: str
    sql: str


def plan(target: Target, settings: Settings) -> list[PlannedStep]:
    """What `migrate` would do now; changes nothing."""
    with connected(target, settings, Purpose.READ) as connection:
        history = migrations.states(connection)
        migrations.refuse_a_broken_history(history)
        pending = [row for row in history if row.state == "pending" and row.file]
        changed = [row for row in objects.states(connection) if row.state != "current"]
        steps = [
            PlannedStep("migration", row.migration, "pending", row.file.path.read_text(encoding="utf-8"))
            for row in pending
            if row.file
        ]
        steps += [
            PlannedStep("drop" if row.file is None else row.kind, row.name, row.state, row.file.text if row.file else "")
            for row in changed
        ]
        return steps


def migrate(
    target: Target,
    settings: Settings,
    say: Callable[[str], None],
    *,
    with_backup: bool = True,
    with_roles: bool = True,
) -> MigrationReport:
    """Runs everything that is pending, under the migration lock."""
    report = MigrationReport(target.describe())
    with locks.migration_lock(target, settings, say), connected(target, settings, Purpose.MIGRATE) as connection:
        history = migrations.states(connection)
        migrations.refuse_a_broken_history(history)
        if _work_is_pending(connection, history):
            _refuse_pending_inserts(connection, settings, report)
            if with_backup:
                report.backup = _back_up_what_exists(connection, target, settings, say)
            faults.reach("after the backup")
            report.applied = migrations.apply_pending(connection, settings, say)
            report.deployed = with_patience(settings, say, "the deploy of sql/", lambda: objects.deploy(connection))
            faults.reach("after the deploy")
            report.row_counts = calls.rows(connection, "stage1_internal.table_row_counts")
        if with_roles:
            _apply_roles(connection, report)
    return report


def _work_is_pending(connection: Connection, history: list[migrations.MigrationState]) -> bool:
    return (
        any(row.state == "pending" for row in history)
        or not objects.bookkeeping_is_current(connection)
        or any(row.state != "current" for row in objects.states(connection))
    )


def _refuse_pending_inserts(connection: Connection, settings: Settings, report: MigrationReport) -> None:
    waiting = pending_files(settings)
    if not waiting:
        return
    names = ", ".join(str(path) for path in waiting)
    if calls.exists(connection, REPLAY_LEDGER):
        raise SpoolPending(detail=f"Waiting: {names}.", hint="Run `stage1 replay run`, then `stage1 migrate` again.")
    report.remarks.append(f"Offline inserts wait to be replayed: {names}. They stay valid; replay them after the migration.")


def _back_up_what_exists(connection: Connection, target: Target, settings: Settings, say: Callable[[str], None]) -> str | None:
    if not calls.query(connection, "database_has_data")[0]["has_data"]:
        return None
    backup = dumps.create(
        target,
        settings,
        database=connection.info.dbname,
        major=connection.info.server_version // 10000,
        head=migrations.applied_head(connection),
        say=say,
    )
    return str(backup.path)


def _apply_roles(connection: Connection, report: MigrationReport) -> None:
    if roles.gaps(connection):
        roles.apply(connection)
        faults.reach("after the roles")
        report.role_gaps = roles.gaps(connection)
