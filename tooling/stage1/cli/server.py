"""`stage1 server`: the embedded PostgreSQL of a project folder.

Owns the words of these four commands. May import click, the options and the errors, and the operation inside the
functions, so that `--help` stays quick. Refuses to print the password: only where its file is.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stage1.cli.options import Application, Group, pass_application
from stage1.errors import ExitCode

if TYPE_CHECKING:
    from stage1.database.embedded import ServerStatus


@click.group(cls=Group)
def server() -> None:
    """Run the embedded PostgreSQL of this folder.

    The first start makes it, in .stage1/; the server goes on running when the command ends.

    \b
    Examples:
        stage1 server start
        stage1 server status
    """


@server.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Also listen on this port of 127.0.0.1, with a password; 0: on none (a running server keeps its own by default).",
)
@pass_application
def start(application: Application, port: int | None) -> None:
    """Start the embedded PostgreSQL, making it in this folder on first use.

    \b
    Examples:
        stage1 server start
        stage1 server start --port 5433
    """
    from stage1.operations import server as operation

    found = operation.start(Path.cwd(), application.settings, port)
    _tell(application, found)
    application.say(f"PostgreSQL {found.version} runs for {found.project} (process {found.pid}).")
    if found.port:
        application.say(f"For other programs: {found.url} or {found.jdbc_url}")
        application.say(f"The password is in {found.password_file}; libpq and JDBC read it with PGPASSFILE={found.passfile}")
    application.show_record(_row(found))


@server.command()
@pass_application
def stop(application: Application) -> None:
    """Stop the embedded PostgreSQL; its data stay.

    \b
    Examples:
        stage1 server stop
    """
    from stage1.operations import server as operation

    stopped = operation.stop(Path.cwd(), application.settings)
    application.say(
        f"Stopped PostgreSQL of {stopped.status.project}; `stage1 server start` brings it back."
        if stopped.was_running
        else f"PostgreSQL of {stopped.status.project} was not running."
    )
    application.show_record(_row(stopped.status))


@server.command()
@pass_application
def status(application: Application) -> None:
    """Show whether the embedded PostgreSQL runs and how it is reached; exit 1 when it does not run.

    \b
    Examples:
        stage1 server status
        stage1 server status --format json
    """
    from stage1.operations import server as operation

    found = operation.status(Path.cwd(), application.settings)
    application.show_record(_row(found))
    if not found.running:
        application.say(f"PostgreSQL of {found.project} does not run; `stage1 server start` starts it.")
        application.exit_code = ExitCode.ANSWER_IS_NO


@server.command()
@pass_application
def upgrade(application: Application) -> None:
    """Bring the embedded PostgreSQL to the newest major version found; the old files are kept.

    \b
    Examples:
        stage1 server upgrade
        PG_BINDIR=/usr/lib/postgresql/16/bin stage1 server upgrade
    """
    from stage1.operations import server as operation

    found = operation.upgrade(Path.cwd(), application.settings, application.say)
    _tell(application, found)
    application.show_record(_row(found))


def _tell(application: Application, found: "ServerStatus") -> None:
    for note in found.notes:
        application.say(note)


def _row(found: "ServerStatus") -> dict[str, object]:
    return {
        "project": str(found.project),
        "running": found.running,
        "version": found.version or None,
        "programs": f"{found.binaries} ({found.origin})" if found.binaries else None,
        "process": found.pid,
        "socket": str(found.socket_directory),
        "port": found.port,
        "url": found.url,
        "jdbc": found.jdbc_url,
        "data": str(found.data_directory),
        "log": str(found.log_file),
        "password_file": str(found.password_file),
    }
