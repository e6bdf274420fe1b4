"""`stage1 fetch`, and what it shares with `stage1 data`: the options of a fetch, its total, its talk."""

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stage1.cli import rendering
from stage1.cli.options import Application, Command, pass_application
from stage1.cli.pipeline_options import pipeline_options
from stage1.cli.progress import Progress
from stage1.errors import ExitCode, Stage1Error
from stage1.extras import needs
from stage1.model.dataset_manifests import PARTIAL
from stage1.model.periods import Period
from stage1.redaction import redact

if TYPE_CHECKING:
    from stage1.operations.fetch import Fetcher
    from stage1.operations.fetch_terms import Outcome

_COLUMNS = ("symbol", "period", "product", "status", "records", "bytes", "requests", "dollars", "seconds", "path")


class Dollars(click.ParamType[Decimal]):
    """An amount that is not negative."""

    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Reads the amount."""
        try:
            amount = Decimal(value)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is no amount of dollars, such as 10 or 2.50.", param, ctx)
        return amount


def fetch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hands the command `wishes`: what a fetch is asked to do."""

    @click.option(
        "--dataset", metavar="CODE", help="The vendor dataset.  [default: that of the files, else STAGE1_VENDOR_DATASET]"
    )
    @click.option("--stype-in", metavar="KIND", help="raw_symbol, continuous (ES.c.0) or instrument_id.  [default: raw_symbol]")
    @click.option("--force", is_flag=True, help="Fetch again what is there, and pay for it again.")
    @click.option("--dry-run", is_flag=True, help="Say what would be fetched and what it costs; write nothing.")
    @click.option(
        "--max-cost", "max_dollars", type=Dollars(), metavar="USD", help="What it may cost.  [default: STAGE1_MAX_COST]"
    )
    @functools.wraps(command)
    def with_options(*arguments: Any, **named: Any) -> Any:
        from stage1.operations.fetch_terms import Wishes

        wishes = {name: named.pop(name) for name in ("dataset", "stype_in", "force", "dry_run", "max_dollars")}
        asks = sys.stdin.isatty() and sys.stderr.isatty()
        return command(*arguments, wishes=Wishes(**wishes, confirm=_confirm if asks else None), **named)

    return with_options


@click.command(cls=Command)
@pipeline_options
@fetch_options
@pass_application
def fetch(
    application: Application, /, symbols: tuple[str, ...], periods: tuple[Period, ...], products: tuple[str, ...], wishes: Any
) -> None:
    """Fetch raw trades and quotes from the vendor, each file whole and paid for once.

    A file that is there and whole costs no request and needs no key. What is missing is asked for month by month, proven while
    it arrives and joined; an interrupted fetch goes on where it was. Records and cost are asked first.

    \b
    Examples:
        stage1 fetch --symbol AAPL --year 2023 --dry-run
        stage1 fetch --symbol AAPL,MSFT --years 2021-2023 --max-cost 50
        stage1 fetch --symbol ES.c.0 --year 2023 --dataset GLBX.MDP3 --stype-in continuous --products TRADES
    """
    outcomes: list[Outcome] = []
    with at_work(application, symbols, periods, wishes) as fetcher:
        try:
            for outcome in fetcher.fetch(symbols, periods, products):
                outcomes.append(outcome)
                talk_of_file(application, outcome, is_alone=len(symbols) * len(periods) == 1)
                for warning in outcome.warnings():
                    application.say(f"{outcome.wanted.name}: warning: {warning}")
        finally:
            if outcomes:
                application.show([row_of_file(outcome) for outcome in outcomes])


@contextmanager
def at_work(application: Application, symbols: Sequence[str], periods: Sequence[Period], wishes: Any) -> "Iterator[Fetcher]":
    """A fetcher that holds the locks of all that it is to fetch, and shows how far it is."""
    from stage1.operations.data_folder import DataFolder, require_room
    from stage1.operations.fetch import Fetcher

    data = DataFolder.of(application.settings)
    with needs("vendor"), needs("fetch"), ExitStack() as stack:
        if not wishes.dry_run:
            require_room(len(symbols) * len(periods))
            for symbol in symbols:
                for period in periods:
                    stack.enter_context(data.locked(symbol, period))
        progress = stack.enter_context(Progress(quiet=application.verbosity is rendering.Verbosity.QUIET))

        def say(text: str) -> None:
            with progress.aside():
                application.say(redact(text, application.settings.secrets()))  # the vendor's own words may be in it

        def show(path: Path, done: int, total: int) -> None:
            progress.show(f"{path.parts[-3]} {path.parts[-2]} {path.name.partition('.')[0]}: fetched", done, total)

        yield Fetcher(application.settings, wishes, say, show)


def talk_of_file(application: Application, outcome: "Outcome", *, is_alone: bool) -> None:
    """What became of a file; the problem of one that is alone is raised."""
    name, record = outcome.wanted.name, outcome.record
    if outcome.problem is not None:
        if is_alone:
            raise outcome.problem
        failed(application, name, outcome.problem)
    elif outcome.status == "whole" and record is not None and record.status == PARTIAL:
        application.say(f"{name}: has all that there is, until {record.end:%Y-%m-%d %H:%M}; nothing was fetched")
    elif outcome.status == "whole":
        application.say(f"{name}: is there and whole; nothing was asked for")
    elif record is not None and outcome.status != "planned":
        asked = f", {outcome.segments:,} requests, {outcome.seconds:,.1f} s" if outcome.segments else ""
        application.say(f"{name}: {outcome.status}: {record.bytes:,} bytes, {record.records:,} records{asked}")


def failed(application: Application, name: str, problem: Stage1Error) -> None:
    """One of several did not work; the others go on."""
    application.complain(problem, name)
    application.exit_code = ExitCode.ANSWER_IS_NO


def row_of_file(outcome: "Outcome") -> dict[str, Any]:
    """A raw file in the answer."""
    wanted, record = outcome.wanted, outcome.record
    values = (
        wanted.symbol,
        wanted.period.name,
        wanted.product,
        outcome.status,
        outcome.records if outcome.status == "planned" or record is None else record.records,
        None if record is None else record.bytes,
        outcome.segments,
        outcome.dollars.quantize(Decimal("0.0001")),
        round(outcome.seconds, 2),
        str(outcome.path),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _confirm(question: str) -> bool:
    return click.confirm(question, default=False, err=True)
