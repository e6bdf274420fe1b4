"""`stage1 backup`."""

import click

from stage1.cli.options import Application, Group, pass_application


@click.group(cls=Group)
def backup() -> None:
    """Back the database up.

    Backups go to STAGE1_BACKUP_DIR (default: backups), one file each with its sha256 beside it.
    """


@backup.command()
@pass_application
def create(application: Application) -> None:
    """Take a backup now; of the embedded PostgreSQL only when --embedded says so.

    \b
    Examples:
        stage1 backup create
        stage1 backup create --embedded
    """
    from stage1.operations import backup as operation

    target = application.target("never")
    made = operation.create(target, application.settings, application.say)
    application.show_record(
        {
            "name": made.name,
            "path": made.path,
            "database": made.database,
            "taken_at": made.taken_at,
            "bytes": made.bytes,
            "sha256": made.sha256,
        }
    )


@backup.command("list")
@pass_application
def list_backups(application: Application) -> None:
    """List the finished backups, the newest first.

    \b
    Examples:
        stage1 backup list
    """
    from stage1.operations import backup as operation

    rows = operation.listed(application.settings)
    application.show(
        [
            {"name": row.name, "database": row.database, "taken_at": row.taken_at, "bytes": row.bytes, "sha256": row.sha256}
            for row in rows
        ]
    )
