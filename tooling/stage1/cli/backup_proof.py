"""`stage1 backup verify` and `stage1 backup restore`: what reads backups and restores them."""

import click

from stage1.cli.options import Application, Command, pass_application
from stage1.errors import BackupDamaged, UsageRefused


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--newest", is_flag=True, help="The newest backup of the database, instead of names.")
@pass_application
def verify(application: Application, names: tuple[str, ...], newest: bool) -> None:
    """Prove backups by restoring them into a scratch database, which is dropped again.

    Compared with what was noted when the backup was taken: every file; every table's rows; the names of the extensions; the
    applied migrations; and how many tables, indexes, constraints, triggers, functions, views and sequences there are. Then the
    checks are run. The result is kept with the backup. The server is that of the database; --database may name another one.

    \b
    Examples:
        stage1 backup verify --newest
        stage1 backup verify trading-20260101T020000Z-0011
    """
    from stage1.operations import verify_backup as operation

    if newest == bool(names):
        raise UsageRefused(
            "Give the names of backups, or --newest." if not names else "--newest and names name different backups.",
            hint="`stage1 backup list` shows the names.",
        )
    target = application.target("never")
    chosen = [operation.newest(target, application.settings)] if newest else list(names)
    rows = []
    for backup, found in operation.verify_all(chosen, target, application.settings, application.say):
        rows.append(
            {
                "name": backup.name,
                "ok": found.ok,
                "rows": backup.manifest.rows if backup.manifest else None,
                "seconds": found.seconds,
                "findings": list(found.findings),
                "problem": found.problem,
            }
        )
        for finding in found.findings:
            application.say(f"{backup.name} is good; its data have {finding}")
    application.show(rows, ("name", "ok", "rows", "seconds", "problem"))
    bad = [str(row["problem"]) for row in rows if not row["ok"]]
    if bad:
        raise BackupDamaged(
            bad[0] if len(rows) == 1 else f"{len(bad)} of {len(rows)} backups are damaged.",
            detail="" if len(rows) == 1 else "\n".join(bad),
            hint="Use another backup (stage1 backup list), take a new one, and look at the disk that holds these.",
        )


@click.command(cls=Command)
@click.argument("name")
@click.option("--replace", required=True, metavar="DATABASE", help="The database to replace, as the connection names it.")
@click.option("--yes", "is_meant", is_flag=True, help="It is meant; without this it is only said what would be done.")
@click.option("--disconnect", is_flag=True, help="End the sessions of others on the old database just before the swap.")
@click.option(
    "--without-owners", is_flag=True, help="Restore all as this connection's own, without grants; `stage1 migrate` sets them."
)
@click.option("--of-another", is_flag=True, help="The backup may be one of a database of another name.")
@pass_application
def restore(
    application: Application,
    name: str,
    replace: str,
    is_meant: bool,
    disconnect: bool,
    without_owners: bool,
    of_another: bool,
) -> None:
    """Put a backup in place of a database; the old one is kept under another name.

    It is restored beside the old one, proven as by `verify`, and then the names are exchanged in one transaction. Where
    there is no database of that name, it is made. Roles that the server lacks are made from the backup, without passwords.

    \b
    Examples:
        stage1 backup restore trading-20260101T020000Z-0011 --replace trading
        stage1 backup restore trading-20260101T020000Z-0011 --replace trading --yes --disconnect
        stage1 backup restore stage1-20260101T020000Z-0011 --replace stage1 --yes --embedded
    """
    from stage1.operations import restore_backup as operation

    target = application.target("never")
    wish = operation.Wish(replace, is_meant, disconnect, without_owners, of_another)
    done = operation.restore(name, target, application.settings, wish, application.say)
    for finding in done.findings:
        application.say(f"the restored data have {finding}")
    application.show_record(
        {
            "database": done.database,
            "backup": done.backup,
            "tables": done.tables,
            "rows": done.rows,
            "old_database": done.old_database,
        }
    )
    application.say(f"{done.database} is now what {done.backup} holds; `stage1 status` says whether all is well")
    if done.old_database:
        psql = f"stage1{' --embedded' if target.is_embedded else ''} psql -d {done.maintenance}"
        application.say(f"the old one is kept as {done.old_database}. When nobody needs it any more, in `{psql}`:")
        application.say("\n".join(f"  {statement};" for statement in done.to_drop))
        application.say("or, to swap back in one transaction, while nobody is connected to either:")
        application.say("\n".join(f"  {statement};" for statement in done.to_swap_back))
