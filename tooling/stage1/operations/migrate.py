"""Brings a database to the schema of this version: backup, migrations, deploy, roles. Run again, it does nothing.

Owns the order of the steps and what is refused before the first of them. Every step is a transaction with its own
record (`database.migrations`, `database.objects`), so that a run which was killed anywhere is simply run again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from stage1 import faults
from stage1.database import calls, dumps, locks, migrations, objects, roles
from stage1.database.connections import Connection, Purpose, connected, translated
from stage1.database.patience import with_patience
from stage1.database.targets import Target
from stage1.errors import NotMigrated, SpoolPending
from stage1.operations.spool import pending_files
from stage1.settings import Settings

REPLAY_LEDGER = "stage1_internal.replay_ledger"


@dataclass
class MigrationReport:
    """What a run did, or would do."""

    database: str
    backup: str | None = None
    applied: list[migrations.Applied] = field(default_factory=list)
    bookkeeping_changed: bool = False
    deployed: list[objects.ObjectState] = field(default_factory=list)
    row_counts: list[dict[str, object]] = field(default_factory=list)
    roles_changed: int = 0
    role_gaps: list[dict[str, object]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def nothing_to_do(self) -> bool:
        """Whether the database was up to date before the run."""
        return not self.applied and not self.deployed and not self.bookkeeping_changed and not self.roles_changed


@dataclass(frozen=True)
class PlannedStep:
    """One thing that a run would do."""

    step: str
    name: str
    why: str
    sql: str


def plan(target: Target, settings: Settings, *, with_backup: bool = True, with_roles: bool = True) -> list[PlannedStep]:
    """What `migrate` would do now; changes nothing."""
    with connected(target, settings, Purpose.READ) as connection:
        history = migrations.states(connection)
        migrations.refuse_a_broken_history(history)
        stale = objects.stale_bookkeeping(connection)
        steps = [PlannedStep("bookkeeping", file.name, "missing or of another version", file.text) for file in stale]
        steps += [
            PlannedStep("migration", row.migration, "pending", row.file.path.read_text(encoding="utf-8"))
            for row in history
            if row.state == "pending" and row.file
        ]
        steps += _planned_objects(connection)
        if steps and with_backup and _holds_data(connection):
            steps.insert(0, PlannedStep("backup", connection.info.dbname, "it holds data", ""))
        return steps + (_planned_roles(connection) if with_roles else [])


def _planned_objects(connection: Connection) -> list[PlannedStep]:
    try:
        with translated():
            found = objects.states(connection)
    except NotMigrated:
        return [PlannedStep("deploy", "sql/", "what differs is known once the bookkeeping is mended", "")]
    return [
        PlannedStep("drop" if row.file is None else row.kind, row.name, row.state, row.file.text if row.file else "")
        for row in found
        if row.state != "current"
    ]


def _planned_roles(connection: Connection) -> list[PlannedStep]:
    if not calls.exists(connection, roles.GAPS):
        return [PlannedStep("roles", "sql/roles.sql", "roles, ownership and grants", "")]
    return [PlannedStep("roles", str(gap["subject"]), str(gap["gap"]), f"{gap['remedy']};") for gap in roles.gaps(connection)]


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
        # Printing a view's definition takes a lock on its tables.
        if with_patience(settings, say, "reading what is deployed", lambda: _work_is_pending(connection, history)):
            _refuse_pending_inserts(connection, settings, report)
            if with_backup:
                report.backup = _back_up_what_exists(connection, target, settings, say)
            faults.reach("after the backup")
            report.applied = migrations.apply_pending(connection, settings, say)
            report.bookkeeping_changed = bool(objects.stale_bookkeeping(connection))
            report.deployed = with_patience(settings, say, "the deploy of sql/", lambda: objects.deploy(connection))
            faults.reach("after the deploy")
            report.row_counts = with_patience(
                settings, say, "counting rows", lambda: calls.rows(connection, "stage1_internal.table_row_counts")
            )
        if with_roles:
            _apply_roles(connection, settings, say, report)
    return report


def _work_is_pending(connection: Connection, history: list[migrations.MigrationState]) -> bool:
    return (
        any(row.state == "pending" for row in history)
        or bool(objects.stale_bookkeeping(connection))
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


def _holds_data(connection: Connection) -> bool:
    return bool(calls.query(connection, "database_has_data")[0]["has_data"])


def _back_up_what_exists(connection: Connection, target: Target, settings: Settings, say: Callable[[str], None]) -> str | None:
    if not with_patience(settings, say, "looking for data", lambda: _holds_data(connection)):
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


def _apply_roles(connection: Connection, settings: Settings, say: Callable[[str], None], report: MigrationReport) -> None:
    before = roles.gaps(connection)
    if before:
        with_patience(settings, say, "roles and grants", lambda: roles.apply(connection))
        faults.reach("after the roles")
        report.role_gaps = roles.gaps(connection)
        report.roles_changed = sum(gap not in report.role_gaps for gap in before)
