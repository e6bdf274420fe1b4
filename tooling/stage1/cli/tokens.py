"""`stage1 tokens`: who may ask the REST server.

Owns the words of these three commands. Refuses to show a token a second time: the database does not have it.
"""

import click

from stage1.cli import rendering
from stage1.cli.options import Application, Group, pass_application


@click.group(cls=Group)
def tokens() -> None:
    """Make, list and revoke the tokens of the REST server.

    \b
    Examples:
        stage1 tokens create desk --write
        stage1 tokens list
    """


@tokens.command()
@click.argument("name")
@click.option("--write", "may_write", is_flag=True, help="The token may write; without it, read only.")
@click.option(
    "--expires", "days", type=click.FloatRange(0, 36500, min_open=True), metavar="DAYS", help="Days for which it is in force."
)
@pass_application
def create(application: Application, name: str, may_write: bool, days: float | None) -> None:
    """Make a token, and print it: this once, since the database keeps its hash only.

    As soon as any token is in force, every request needs one, on a loopback address, too.

    \b
    Examples:
        stage1 tokens create desk --write
        stage1 tokens create dashboard --expires 90
    """
    from stage1.operations.tokens import create_token

    token, row = create_token(application.target(), application.settings, name, may_write=may_write, days=days)
    if application.wanted_format is None:
        rendering.write(token)
    else:
        application.show_record({**row, "token": token})
    application.say(f"{name} may {row['permission']}. Keep the token: it cannot be shown again.")


@tokens.command("list")
@pass_application
def list_tokens(application: Application) -> None:
    """List all tokens, in force or not; never the tokens themselves.

    \b
    Examples:
        stage1 tokens list
        stage1 tokens list --format json
    """
    from stage1.operations.tokens import list_tokens as operation

    application.show(operation(application.target(), application.settings))


@tokens.command()
@click.argument("name")
@pass_application
def revoke(application: Application, name: str) -> None:
    """End a token; servers that run notice within a few seconds.

    \b
    Examples:
        stage1 tokens revoke desk
    """
    from stage1.operations.tokens import revoke_token

    application.show_record(revoke_token(application.target(), application.settings, name))
