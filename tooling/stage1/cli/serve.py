"""`stage1 serve`: the REST server."""

import click

from stage1.cli.options import Application, Command, pass_application
from stage1.extras import needs, require


@click.command(cls=Command)
@click.option("--host", metavar="ADDRESS", help="The address to listen on (env: STAGE1_SERVE_HOST; default 127.0.0.1).")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="The port to listen on (env: STAGE1_SERVE_PORT; default 8321); 0: any that is free.",
)
@pass_application
def serve(application: Application, host: str | None, port: int | None) -> None:
    """Serve datasets, experiments and bars over HTTP, until it is stopped.

    The role stage1_app may do all that it does: STAGE1_SERVE_URL names the database as that role reaches it, where operators use
    another. On a loopback address everybody of this machine may ask it while there is no token; any other address needs tokens.
    A first SIGTERM or SIGINT finishes what runs, a second one ends it at once. The log goes to stderr, a line of JSON for each
    request.

    \b
    Examples:
        stage1 serve
        stage1 serve --host 0.0.0.0 --port 8080
    """
    require("server")
    with needs("server"):
        from stage1.operations.choose_database import choose_served_database
        from stage1.server.running import serve as run

    target = choose_served_database(
        application.settings, application.database, application.say, embedded_is_meant=application.embedded
    )
    application.exit_code = run(target, application.settings, host, port, application.say)
