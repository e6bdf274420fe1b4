"""`stage1 doctor`."""

import click

from stage1.cli.options import Application, Command, pass_application
from stage1.errors import ExitCode


@click.command(cls=Command)
@pass_application
def doctor(application: Application) -> None:
    """Show what stage1 found on this machine, what is missing, and what to do.

    Exits with 1 when something is missing that a command needs.

    \b
    Examples:
        stage1 doctor
    """
    from stage1.operations.doctor import doctor as operation

    found = operation(application.settings, application.database)
    application.show([{"what": row.what, "state": row.state, "detail": row.detail, "action": row.action} for row in found])
    if any(row.state == "missing" for row in found):
        application.exit_code = ExitCode.ANSWER_IS_NO
