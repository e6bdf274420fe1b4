"""`stage1 data`."""

from dataclasses import replace
from typing import Any

import click

from stage1 import clock
from stage1.cli import rendering
from stage1.cli.fetch import at_work, failed, fetch_options, row_of_file, talk_of_file
from stage1.cli.options import Application, Command, pass_application
from stage1.cli.pipeline_options import pipeline_options
from stage1.cli.progress import Progress
from stage1.errors import ExitCode, Stage1Error
from stage1.extras import require
from stage1.model.periods import Period

_COLUMNS = ("dataset_id", "status", "fetched", "derived", "registered", "bars", "size_bytes", "seconds", "manifest", "ingest_id")
_SHOWN = _COLUMNS[:-2]


@click.command(cls=Command)
@pipeline_options
@fetch_options
@click.option(
    "--offline", is_flag=True, help="Register in the offline catalog (STAGE1_CATALOG) and load nothing; needs no database."
)
@click.option("--verify", is_flag=True, help="Hash all files, and take none for untouched because of its size and time.")
@click.option("--replace-origin", is_flag=True, help="Bars of another dataset or origin under this symbol may be replaced.")
@pass_application
def data(
    application: Application,
    /,
    symbols: tuple[str, ...],
    periods: tuple[Period, ...],
    products: tuple[str, ...],
    wishes: Any,
    offline: bool,
    verify: bool,
    replace_origin: bool,
) -> None:
    """Make a dataset of a symbol and a year: fetch, derive, load, register. Prints its id.

    What is there is left as it is: run again, it asks the vendor for nothing and says so. An interrupted run goes on where it
    was. Datasets are found with `stage1 datasets`, their bars with `stage1 bars`.

    \b
    Examples:
        stage1 data --symbol AAPL --year 2023
        stage1 data --symbol AAPL,MSFT --years 2021-2023 --max-cost 50
        stage1 data --symbol AAPL --year 2023 --offline
    """
    from stage1.operations.derive_inputs import require_products
    from stage1.operations.ensure_dataset import Pipeline

    require_products(products)  # before anything of them is paid for
    wanted = [(symbol, period) for symbol in symbols for period in periods]
    rows: list[dict[str, Any]] = []
    pipeline = None
    if not wishes.dry_run:
        require("frames")  # what makes the bars must not be missing when they are paid for
        pipeline = Pipeline(application.settings, None if offline else application.target(), replace_origin=replace_origin)
        wishes = replace(wishes, check=pipeline.require_own_bars)
    with at_work(application, symbols, periods, wishes) as fetcher:
        try:
            fetched: dict[tuple[str, Period], list[Any]] = {each: [] for each in wanted}
            for outcome in fetcher.fetch(symbols, periods, products):
                fetched[outcome.wanted.symbol, outcome.wanted.period].append(outcome)
                talk_of_file(application, outcome, is_alone=len(wanted) == 1)
            if pipeline is None:
                application.show([row_of_file(outcome) for outcomes in fetched.values() for outcome in outcomes])
                return
            for (symbol, period), outcomes in fetched.items():
                begun = clock.monotonic()
                try:
                    if any(outcome.problem for outcome in outcomes):
                        rows.append(_failed_row(symbol, period))
                        continue
                    with Progress(quiet=application.verbosity is rendering.Verbosity.QUIET) as progress:
                        ensured = pipeline.ensure(symbol, period, products, progress.show, force=wishes.force, verify=verify)
                except Stage1Error as problem:
                    if len(wanted) == 1 or problem.exit_code is ExitCode.CANNOT_NOW:
                        raise
                    failed(application, period.slug(symbol), problem)
                    rows.append(_failed_row(symbol, period))
                    continue
                rows.append(_row(outcomes, ensured, clock.monotonic() - begun))
                _talk(application, outcomes, ensured)
        finally:
            if rows:
                application.show(rows, _SHOWN)


def _talk(application: Application, outcomes: list[Any], ensured: Any) -> None:
    name = ensured.dataset.dataset_id
    tell = application.say if ensured.derived.was_read else application.detail
    for warning in ensured.derived.warnings:
        tell(f"{name}: warning: {warning}")
    if ensured.was_there and not any(outcome.segments for outcome in outcomes):
        application.say(f"{name}: nothing fetched, nothing derived, nothing loaded: it is there")


def _failed_row(symbol: str, period: Period) -> dict[str, Any]:
    return {**dict.fromkeys(_COLUMNS), "dataset_id": period.slug(symbol), "status": "failed"}


def _row(outcomes: list[Any], ensured: Any, seconds: float) -> dict[str, Any]:
    dataset = ensured.dataset
    values = (
        dataset.dataset_id,
        dataset.status,
        sum(outcome.segments for outcome in outcomes),
        ensured.derived.was_read,
        ensured.was_registered,
        dataset.bar_count,
        dataset.size_bytes,
        round(seconds + sum(outcome.seconds for outcome in outcomes), 2),
        dataset.bars_manifest_path,
        dataset.ingest_id,
    )
    return dict(zip(_COLUMNS, values, strict=True))
