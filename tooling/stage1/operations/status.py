"""The morning question: is all well? Reads only; each line is one fact with what to do about it."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stage1 import __version__, clock, resources
from stage1.database import calls, clusters, migrations, roles
from stage1.database import objects as deployed
from stage1.database.connections import Connection, Purpose, connected
from stage1.database.embedded import EmbeddedServer, find_project
from stage1.database.migration_files import check_seal
from stage1.database.targets import Target
from stage1.errors import FileUnusable, HistoryUnsealed
from stage1.operations import backup
from stage1.operations.spool_files import pending_files
from stage1.settings import Settings, working_directory

_FREE_SHARE = 0.05
_RESTORE = "install the package again; in a checkout: git checkout -- migrations (a new file: make seal)"
_BROKEN = ("changed", "missing", "newer", "out of order")


@dataclass(frozen=True)
class Line:
    """One fact: `ok`, a `note` that needs nobody now, or `not well`."""

    area: str
    state: str
    detail: str
    action: str = ""


@dataclass
class StatusReport:
    """The facts, and what stands behind them."""

    database: str
    server: str = ""
    lines: list[Line] = field(default_factory=list)
    history: list[migrations.MigrationState] = field(default_factory=list)
    objects: list[deployed.ObjectState] = field(default_factory=list)
    role_gaps: list[dict[str, object]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether no line is `not well`."""
        return all(line.state != "not well" for line in self.lines)


def status(target: Target, settings: Settings) -> StatusReport:
    """Collects the facts of one database."""
    report = StatusReport(target.describe())
    with connected(target, settings, Purpose.READ) as connection:
        report.server = f"PostgreSQL {connection.info.parameter_status('server_version')}"
        report.history = migrations.states(connection)
        report.objects = deployed.states(connection)
        report.lines += [_migrations(report.history), *_seal(), _objects(report.objects)]
        newer = deployed.newer_deployment(connection)
        if newer:
            detail = f"deployed by stage1 {newer}; this is {__version__}"
            report.lines.append(Line("version", "not well", detail, "install that version: this one would undo it"))
        stale = [file.name for file in deployed.stale_bookkeeping(connection)]
        if stale and report.history[0].state != "pending":
            detail = f"missing or of another version: {', '.join(stale)}"
            report.lines.append(Line("bookkeeping", "not well", detail, "run `stage1 migrate`"))
        if calls.exists(connection, "stage1_internal.role_gaps"):
            report.role_gaps = roles.gaps(connection)
            report.lines.append(_roles(report.role_gaps))
        if not any(row.state in ("pending", "missing") for row in report.objects):
            report.findings = calls.rows(connection, "stage1_internal.validation_summary")
            report.lines.append(_checks(report.findings, calls.view(connection, "stage1_internal.last_validation")))
            report.lines.append(_replay(calls.rows(connection, "public.fn_replay_status")[0]))
        report.lines += [_backups(connection, target, settings), _spool(settings), *_disks(target, settings)]
        report.lines += [Line("settings", "note", note) for note in settings.notes]
    return report


def _migrations(history: list[migrations.MigrationState]) -> Line:
    broken = [f"{row.migration} is {row.state}" for row in history if row.state in _BROKEN]
    pending = [row.migration for row in history if row.state == "pending"]
    if broken:
        return Line("migrations", "not well", "; ".join(broken), "run `stage1 migrate --plan`: it names the way out")
    if pending:
        return Line("migrations", "not well", f"{len(pending)} pending: {', '.join(pending)}", "run `stage1 migrate`")
    return Line("migrations", "ok", f"{len(history)} applied, the newest is {history[-1].migration}")


def _seal() -> list[Line]:
    try:
        check_seal(resources.migrations_folder())
    except HistoryUnsealed as problem:
        return [Line("seal", "not well", problem.detail.rstrip("."), _RESTORE)]
    return []


def _objects(found: list[deployed.ObjectState]) -> Line:
    strange = [f"{row.name} is {row.state}" for row in found if row.state != "current"]
    if not strange:
        return Line("objects", "ok", f"{len(found)} functions, views and checks as deployed")
    if all(row.state == "pending" for row in found):
        return Line(
            "objects", "not well", f"none of {len(found)} functions, views and checks is there yet", "run `stage1 migrate`"
        )
    shown = "; ".join(strange[:5]) + (f"; and {len(strange) - 5} more" if len(strange) > 5 else "")
    return Line("objects", "not well", shown, "run `stage1 migrate`: it keeps the old text and deploys the files")


def _roles(gaps: list[dict[str, object]]) -> Line:
    if not gaps:
        return Line("roles", "ok", "roles, ownership and grants are as the matrix says")
    # What a role lacks hinders it, and it says so; what it has too much, nobody would notice.
    excess = [row for row in gaps if row.get("kind") == "excess"]
    counts = (f"{len(gaps) - len(excess)} missing", f"{len(excess)} too many" if excess else "")
    first = (excess or gaps)[0]
    return Line(
        "roles",
        "not well" if excess else "note",
        f"{', '.join(filter(None, counts))}; the first: {first['subject']} {first['gap']}",
        f"as a superuser: {first['remedy']};",
    )


def _checks(findings: list[dict[str, Any]], validations: list[dict[str, Any]]) -> Line:
    last = validations[0] if validations else None
    validated = f"validated {last['hours']} h ago" if last else "never validated"
    if last and last["unanswered_count"]:
        validated += f", when {last['unanswered_count']} checks did not answer"
    if findings:
        errors = [row for row in findings if row["severity"] == "error"]
        first = (errors or findings)[0]
        counted = ", ".join(f"{row['findings']} {row['severity']}s of {row['check_view']}" for row in findings)
        action = f"stage1 psql -c 'table {first['check_view']}'"
        return Line("checks", "not well" if errors else "note", f"{counted}; {validated}", action)
    is_fresh = last is not None and not last["is_old"] and not last["unanswered_count"]
    return Line("checks", "ok" if is_fresh else "note", f"no findings; {validated}", "" if is_fresh else "run `stage1 validate`")


def _backups(connection: Connection, target: Target, settings: Settings) -> Line:
    try:
        mine = backup.listed(settings, connection.info.dbname, clusters.system_identifier(connection))
    except FileUnusable as refusal:
        return Line("backup", "not well", refusal.message.rstrip("."), refusal.hint.rstrip("."))
    if not mine:
        embedded = " --embedded" if target.is_embedded else ""
        return Line("backup", "note", f"none in {settings.path('STAGE1_BACKUP_DIR')}", f"run `stage1 backup create{embedded}`")
    newest, good = mine[0], backup.newest_good(mine)
    known = (
        f"{good.name}, verified, {(clock.now() - good.taken_at).total_seconds() / 3600:.1f} h old" if good else "none is verified"
    )
    problem = newest.problem or (newest.verification.problem if newest.verification and not newest.verification.ok else "")
    if problem:
        detail = f"{newest.name}: {problem.rstrip('.')}; {known}"
        return Line("backup", "not well", detail, "run `stage1 backup create`, and verify what it makes")
    if newest is not good:
        return Line("backup", "note", f"{newest.name} is not verified; {known}", f"run `stage1 backup verify {newest.name}`")
    return Line("backup", "ok", f"{known}, {newest.manifest.bytes if newest.manifest else 0} bytes")


def _replay(run: dict[str, Any]) -> Line:
    if run["last_run_id"] is None:
        return Line("replay", "ok", "never ran on this database")
    done = run["last_done_at"]
    when = f"last done {(clock.now() - done).total_seconds() / 3600:.1f} h ago" if done else "never done"
    left = f"{run['dead_count']} dead letters, {run['waiting_count']} statements wait"
    is_well = run["last_outcome"] == "done" and not run["dead_count"]
    return Line("replay", "ok" if is_well else "not well", f"{when}; {left}", "" if is_well else "stage1 replay status")


def _spool(settings: Settings) -> Line:
    waiting = pending_files(settings)
    if waiting:
        names = ", ".join(str(path) for path in waiting)
        return Line("spool", "note", f"offline inserts wait in {names}", "run `stage1 replay run`")
    return Line("spool", "ok", "nothing waits")


def _disks(target: Target, settings: Settings) -> list[Line]:
    folder = settings.path("STAGE1_BACKUP_DIR")
    found = [_disk("disk", folder if folder.is_dir() else working_directory(), "backups")]
    project = find_project(working_directory()) if target.is_embedded else None
    if project:
        data = EmbeddedServer(project, settings).status().data_directory
        found.append(_disk("data disk", data, "the embedded PostgreSQL"))
    return found


def _disk(area: str, folder: Path, used_for: str) -> Line:
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total
    detail = f"{usage.free / 2**30:.1f} GiB free for {used_for} ({share:.0%})"
    return Line(area, "ok", detail) if share >= _FREE_SHARE else Line(area, "not well", detail, "free some space")
