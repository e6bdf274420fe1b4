"""`stage1 bars`."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stage1.cli import rendering
from stage1.cli.datasets import Moment
from stage1.cli.options import Application, Command, pass_application
from stage1.errors import ExitCode

if TYPE_CHECKING:
    from stage1.database.bar_reading import BarSpan
    from stage1.database.targets import Target

_COLUMNS = ("ts", "open", "high", "low", "close", "volume")
_SHOWN = 50


@click.command(cls=Command)
@click.option("--symbol", required=True, help="The symbol, as `stage1 stats` lists it.")
@click.option("--from", "start", type=Moment(), help="The first minute (UTC unless it has an offset).  [default: all]")
@click.option("--until", type=Moment(), help="The minute before which the bars end.  [default: all]")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N bars.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file to write instead: .parquet, .arrow or .csv; an existing one is replaced when the new one is whole.",
)
@pass_application
def bars(
    application: Application, symbol: str, start: datetime | None, until: datetime | None, limit: int | None, output: Path | None
) -> None:
    """Read the bars of a symbol, by time; prices are exact.

    A table shows the first 50; CSV, JSON and files have all. Exits with 1 when there are none.

    \b
    Examples:
        stage1 bars --symbol ESH3 --from 2023-01-03 --until 2023-01-04
        stage1 bars --symbol ESH3 --output esh3.parquet
        stage1 bars --symbol ESH3 --from 2023-01-03T14:30Z --limit 390 --format csv > morning.csv
    """
    from stage1.database.bar_reading import BarSpan
    from stage1.operations import bar_files, bar_stats

    span = BarSpan(symbol, start, until, limit)
    if output is not None:
        bar_files.check_output(output)
    target = application.target()
    if output is not None:
        rows = _write_file(application, target, span, output)
    elif application.format is rendering.Format.TABLE:
        rows = _show_table(application, target, span)
    else:
        rows = _write_all(application, target, span)
    if not rows:
        application.say(bar_stats.why_none(target, application.settings, span))
        application.exit_code = ExitCode.ANSWER_IS_NO


def _write_file(application: Application, target: "Target", span: "BarSpan", output: Path) -> int:
    from stage1.cli.progress import Progress
    from stage1.operations import bar_files

    with Progress(quiet=application.verbosity is rendering.Verbosity.QUIET) as progress:
        rows = bar_files.write_file(target, application.settings, span, output, lambda done: progress.show(str(output), done, 0))
    if rows:
        application.say(f"{rows:,} bars of {span.symbol} are in {output}")
    return rows


def _show_table(application: Application, target: "Target", span: "BarSpan") -> int:
    from stage1.database.bar_reading import BarSpan
    from stage1.operations import bar_files

    most = span.limit or _SHOWN
    first = BarSpan(span.symbol, span.start, span.until, most)
    with closing(bar_files.lines(target, application.settings, first, header=False)) as blocks:
        rows = [_row(line) for block in blocks for line in block.decode().splitlines()]
    if rows:
        application.show(rows)
    more = bar_files.count(target, application.settings, span) - most if len(rows) == most else 0
    if more > 0:
        application.say(f"{more:,} more; --limit shows more of them, --format csv and --output FILE have all.")
    return len(rows)


def _write_all(application: Application, target: "Target", span: "BarSpan") -> int:
    from stage1.operations import bar_files

    as_json = application.format is rendering.Format.JSON
    lines = 0
    with closing(bar_files.lines(target, application.settings, span, header=not as_json)) as blocks:
        texts = (block.decode() for block in blocks)
        for text in _as_json(texts) if as_json else texts:
            rendering.write(text)
            lines += text.count("\n")
    rows = lines - (2 if as_json else 1)  # the brackets, or the header
    if rows:
        application.say(f"{rows:,} bars of {span.symbol}")
    return rows


def _as_json(texts: Iterator[str]) -> Iterator[str]:
    """The lines as one array, an object a line."""
    yield "[\n"
    waiting = ""
    for text in texts:
        if waiting:
            yield f"{waiting},\n"
        waiting = ",\n".join(map(_object, text.splitlines()))
    if waiting:
        yield f"{waiting}\n"
    yield "]\n"


def _object(line: str) -> str:
    *values, volume = line.split(",")
    texts = ", ".join(f'"{name}": "{value}"' for name, value in zip(_COLUMNS, values, strict=False))
    # Any whole number is JSON; NaN and infinity, which a volume should not be, are not.
    number = volume if volume[-1:].isdigit() else f'"{volume}"' if volume else "null"
    return f'  {{{texts}, "volume": {number}}}'


def _row(line: str) -> dict[str, Any]:
    moment, *numbers = line.split(",")
    try:
        ts: datetime | str = datetime.fromisoformat(moment)
    except ValueError:
        ts = moment  # what Python's datetime cannot hold
    return {"ts": ts, **{name: Decimal(n) if n else None for name, n in zip(_COLUMNS[1:], numbers, strict=True)}}
