"""`stage1 psql`."""

import click

from stage1.cli.options import Application, pass_application


# Without the shared options: -q and the like behind the name belong to psql.
@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
@pass_application
def psql(application: Application, arguments: tuple[str, ...]) -> None:
    """Open psql on the database, or run it with the given arguments.

    Everything behind the command's name goes to psql, whose exit code is the command's. The password, if there is
    one, reaches psql by the environment, never by its arguments.

    \b
    Examples:
        stage1 psql
        stage1 psql -c 'select * from dataset_catalog limit 5'
        stage1 psql -f sql/smoke/run_all.sql
    """
    from stage1.operations.psql import run_psql

    application.exit_code = run_psql(application.target(), application.settings, list(arguments))
