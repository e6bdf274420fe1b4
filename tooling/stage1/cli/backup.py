"""`stage1 backup`."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from stage1.cli import backup_proof
from stage1.cli.ages import Age, written
from stage1.cli.options import Application, Group, pass_application
from stage1.errors import ExitCode

if TYPE_CHECKING:
    from stage1.database.backup_folder import Backup

_COUNT = click.IntRange(1, 10_000)
_of_database = click.option("--of", "database", metavar="NAME", help="Only the backups of this database.")


@click.group(cls=Group)
def backup() -> None:
    """Back the database up.

    Backups go to STAGE1_BACKUP_DIR (default: backups), a folder each: dump, roles, and a manifest that seals them.
    """


@backup.command()
@pass_application
def create(application: Application) -> None:
    """Take a backup of the database now.

    The embedded PostgreSQL is backed up only when --embedded says so.

    \b
    Examples:
        stage1 backup create
        stage1 backup create --embedded
    """
    from stage1.operations import backup as operation

    target = application.target("never")
    made = operation.create(target, application.settings, application.say)
    manifest = made.manifest
    application.show_record(
        {
            "name": made.name,
            "path": made.path,
            "database": made.database,
            "taken_at": made.taken_at,
            "bytes": manifest.bytes if manifest else None,
            "rows": manifest.rows if manifest else None,
            "tables": len(manifest.tables) if manifest else None,
        }
    )


@backup.command("list")
@click.option("--max-age", type=Age(), metavar="AGE", help="Exit with 1 unless a verified backup is younger: 26h, 2d, 90m.")
@_of_database
@pass_application
def list_backups(application: Application, max_age: timedelta | None, database: str | None) -> None:
    """List the finished backups, the newest first; asks no server.

    One that is dated in the future comes last. With --max-age every database that has backups needs a verified one that is
    young enough.

    \b
    Examples:
        stage1 backup list
        stage1 backup list --max-age 26h --of trading
    """
    from stage1 import clock
    from stage1.operations import backup as operation

    found = operation.listed(application.settings, database)
    now = clock.now()
    application.show([_row(one, now - one.taken_at) for one in found])
    if max_age is None:
        return
    for name in sorted({one.database for one in found} | ({database} if database else set())) or [""]:
        good = operation.newest_good([one for one in found if one.database == name])
        if good is None or now - good.taken_at > max_age:
            of = f" of {name}" if name else ""
            newest = f"{good.name}, {written(now - good.taken_at)} old" if good else "none"
            application.say(
                f"No verified backup{of} is younger than {written(max_age)}: the newest is {newest}. "
                "Run `stage1 backup create`, then `stage1 backup verify` with its name."
            )
            application.exit_code = ExitCode.ANSWER_IS_NO


def _row(one: "Backup", age: timedelta) -> dict[str, Any]:
    verified = "no"
    if one.problem:
        verified = one.problem
    elif one.verification:
        verified = (
            one.verification.verified_at.isoformat(timespec="seconds")
            if one.verification.ok
            else one.verification.problem.rstrip(".")
        )
    return {
        "name": one.name,
        "database": one.database,
        "taken_at": one.taken_at,
        "age": written(age),
        "bytes": one.manifest.bytes if one.manifest else None,
        "rows": one.manifest.rows if one.manifest else None,
        "verified": verified,
    }


@backup.command()
@click.option("--keep-last", type=_COUNT, metavar="N", help="Keep the last N.")
@click.option("--keep-daily", type=_COUNT, metavar="N", help="Keep the last one of each of N days (UTC).")
@click.option("--keep-weekly", type=_COUNT, metavar="N", help="Keep the last one of each of N weeks.")
@click.option("--keep-monthly", type=_COUNT, metavar="N", help="Keep the last one of each of N months.")
@_of_database
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@pass_application
def prune(
    application: Application,
    keep_last: int | None,
    keep_daily: int | None,
    keep_weekly: int | None,
    keep_monthly: int | None,
    database: str | None,
    dry_run: bool,
) -> None:
    """Remove old backups that no rule keeps; asks no server.

    The rules count verified backups, of each database of each server by itself. Of a database whose newest backup is not
    verified nothing is removed, and the newest verified one never is; before others are, its files are read as a whole. What
    is no finished backup is not touched.

    \b
    Examples:
        stage1 backup prune --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run
        stage1 backup prune --keep-last 3 --of trading
    """
    from stage1.operations import prune_backups as operation

    keep = operation.Keep(keep_last or 0, keep_daily or 0, keep_weekly or 0, keep_monthly or 0)
    if keep == operation.Keep():
        raise click.UsageError("No rule says what to keep: give at least one of --keep-last, -daily, -weekly and -monthly.")
    pruned = operation.prune(application.settings, keep, application.say, database=database, dry_run=dry_run)
    rows = [
        {
            "name": one.backup.name,
            "database": one.backup.database,
            "taken_at": one.backup.taken_at,
            "removed": one.removed,
            "why": one.why,
        }
        for one in pruned.decided
    ]
    application.show(rows)
    count = sum(one.removed for one in pruned.decided)
    application.say(f"{count} of {len(rows)} backups {'would be' if dry_run else 'were'} removed")
    pruned.raise_refusals()


backup.add_command(backup_proof.verify)
backup.add_command(backup_proof.restore)
