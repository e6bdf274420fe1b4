"""Brings a database to the schema of this version: backup, migrations, deploy, roles. Run again, it does nothing.

Owns the order of the steps and what is refused before the first of them. Migrations, their records and the deploy are
one transaction: clients see the old schema or the new one, and a refusal or a kill leaves the old one. A migration
that can be part of no transaction stands between two of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from stage1 import __version__, faults
from stage1.database import calls, locks, migrations, objects, roles
from stage1.database.connections import Connection, Purpose, connected, limited, translated
from stage1.database.migration_files import MigrationFile, refuse_own_transactions
from stage1.database.patience import with_patience
from stage1.database.targets import Target
from stage1.errors import DatabaseNewer, NotMigrated, SpoolPending
from stage1.operations import backup
from stage1.operations.spool_files import pending_files
from stage1.settings import Settings

Result = TypeVar("Result")

REPLAY_LEDGER = "stage1_internal.replay_statements"


@dataclass
class MigrationReport:
    """What a run did, or would do."""

    database: str
    backup: str | None = None
    applied: list[migrations.Applied] = field(default_factory=list)
    bookkeeping_changed: bool = False
    deployed: list[objects.ObjectState] = field(default_factory=list)
    replaced: list[dict[str, Any]] = field(default_factory=list)
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
        _refuse_what_must_not_go_on(connection, history)
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
        with translated(), connection.transaction():
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
    with locks.migration_lock(target, settings, say) as lock, connected(target, settings, Purpose.MIGRATE) as connection:
        run = _Run(connection, settings, say, lock, report)
        history = run.step("reading the history", lambda: migrations.states(connection))
        run.step("reading what is deployed", lambda: _refuse_what_must_not_go_on(connection, history))
        pending = [row.file for row in history if row.state == "pending" and row.file]
        has_work = bool(pending) or run.step("reading what is deployed", lambda: _deploy_is_pending(connection))
        if has_work:
            run.step("looking for offline inserts", lambda: _refuse_pending_inserts(connection, settings, report))
            if with_backup:
                report.backup = _back_up_what_exists(run, target)
            faults.reach("after the backup")
            run.apply(pending)
            report.row_counts = run.step("counting rows", lambda: calls.rows(connection, "stage1_internal.table_row_counts"))
        if with_roles:
            _apply_roles(run)
    return report


@dataclass(frozen=True)
class _Run:
    """One run: each step of it is a transaction, tried again while a table is in use."""

    connection: Connection
    settings: Settings
    say: Callable[[str], None]
    lock: locks.MigrationLock
    report: MigrationReport

    def step(self, what: str, work: Callable[[], Result]) -> Result:
        """Does some work in a transaction, which commits only while the lock is held."""

        def transaction() -> Result:
            with limited(self.connection, self.settings, Purpose.MIGRATE):
                result = work()
                self.lock.check()
                return result

        return with_patience(self.settings, self.say, what, transaction)

    def apply(self, pending: list[MigrationFile]) -> None:
        """Applies the migrations and deploys sql/: one transaction, but for the files that can be part of none."""
        refuse_own_transactions(pending)
        runner = migrations.Runner(self.connection, self.settings)
        batches = migrations.batches(pending)
        before = len(self.step("reading what was replaced", lambda: objects.replaced(self.connection)))
        for batch in batches:
            if batch and not batch[0].transactional:
                self.say(f"applying {batch[0].id}")
                self.lock.check()
                alone = partial(runner.apply_alone, batch[0])
                self.report.applied.append(with_patience(self.settings, self.say, batch[0].id, alone))
            else:
                together = partial(self._apply_together, runner, batch, deploy=batch is batches[-1])
                self.report.applied += self.step("the migration", together)
            faults.reach("after a transaction")
        self.report.replaced = objects.replaced(self.connection)[before:]

    def _apply_together(self, runner: migrations.Runner, batch: list[MigrationFile], *, deploy: bool) -> list[migrations.Applied]:
        applied = []
        for file in batch:
            self.say(f"applying {file.id}")
            applied.append(runner.apply(file))
        if deploy:
            self.report.bookkeeping_changed = bool(objects.stale_bookkeeping(self.connection))
            self.report.deployed = objects.deploy(self.connection)
        return applied


def _refuse_what_must_not_go_on(connection: Connection, history: list[migrations.MigrationState]) -> None:
    migrations.refuse_a_broken_history(history)
    objects.refuse_a_strange_schema(connection)
    newer = objects.newer_deployment(connection)
    if newer:
        raise DatabaseNewer(
            detail=f"Functions and views were deployed by stage1 {newer}; this is {__version__}.",
            hint="Install that version (pip install --upgrade stage1): this one would undo what it deployed.",
        )


def _deploy_is_pending(connection: Connection) -> bool:
    return bool(objects.stale_bookkeeping(connection)) or any(row.state != "current" for row in objects.states(connection))


def _refuse_pending_inserts(connection: Connection, settings: Settings, report: MigrationReport) -> None:
    waiting = pending_files(settings)
    if not waiting:
        return
    names = ", ".join(str(path) for path in waiting)
    if calls.exists(connection, REPLAY_LEDGER):
        raise SpoolPending(
            detail=f"Waiting: {names}.",
            hint="Run `stage1 replay run`, then `stage1 migrate` again. A file whose last statement or transaction is unfinished "
            "stays: move it out of the spool for the time of the migration; it keeps its identity by its name.",
        )
    report.remarks.append(f"Offline inserts wait to be replayed: {names}. They stay valid; replay them after the migration.")


def _holds_data(connection: Connection) -> bool:
    return bool(calls.query(connection, "database_has_data")[0]["has_data"])


def _back_up_what_exists(run: _Run, target: Target) -> str | None:
    if not run.step("looking for data", lambda: _holds_data(run.connection)):
        return None
    # A dump may take hours. Inside an empty transaction no limit of the server for idle sessions ends this one.
    with limited(run.connection, run.settings, Purpose.LOCK):
        return str(backup.create(target, run.settings, run.say).path)


def _apply_roles(run: _Run) -> None:
    before = run.step("reading roles and grants", lambda: roles.gaps(run.connection))
    if before:
        with_patience(run.settings, run.say, "roles and grants", lambda: roles.apply(run.connection, run.settings))
        faults.reach("after the roles")
        run.report.role_gaps = run.step("reading roles and grants", lambda: roles.gaps(run.connection))
        run.report.roles_changed = sum(gap not in run.report.role_gaps for gap in before)
