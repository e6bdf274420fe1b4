"""`stage1 stats`."""

import click

from stage1.cli.options import Application, Command, pass_application
from stage1.errors import ExitCode

# What fits a line of a screen; -v, JSON and CSV have all columns.
_LISTED = ("symbol", "row_count", "min_ts", "max_ts", "latest_close")


@click.command(cls=Command)
@click.argument("symbol", required=False)
@pass_application
def stats(application: Application, symbol: str | None) -> None:
    """Show the count, span and latest close of a symbol's bars, or of every symbol.

    Exits with 1 when there are none.

    \b
    Examples:
        stage1 stats
        stage1 stats ESH3 --format json
    """
    from stage1.database.bar_reading import BarSpan
    from stage1.operations import bar_stats

    settings = application.settings
    if symbol is None:
        rows = bar_stats.of_all(application.target(), settings)
        application.show(rows, _LISTED)
        if not rows:
            application.say(bar_stats.NO_BARS)
            application.exit_code = ExitCode.ANSWER_IS_NO
        return
    span = BarSpan(symbol)
    target = application.target()
    found = bar_stats.of_symbol(target, settings, span.symbol)
    application.show_record(found)
    if not found["row_count"]:
        application.say(bar_stats.why_none(target, settings, span))
        application.exit_code = ExitCode.ANSWER_IS_NO
