"""`stage1 derive`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stage1 import clock
from stage1.cli import rendering
from stage1.cli.options import Application, Command, pass_application
from stage1.cli.pipeline_options import pipeline_options
from stage1.cli.progress import Progress
from stage1.errors import ExitCode, Stage1Error
from stage1.model.periods import Period

if TYPE_CHECKING:
    from stage1.operations.data_folder import DataFolder


@click.command(cls=Command)
@pipeline_options
@click.option("--force", is_flag=True, help="Read the raw files again, even if nothing has changed.")
@click.option("--verify", is_flag=True, help="Hash all files, and take none for untouched because of its size and time.")
@pass_application
def derive(
    application: Application,
    /,
    symbols: tuple[str, ...],
    periods: tuple[Period, ...],
    products: tuple[str, ...],
    force: bool,
    verify: bool,
) -> None:
    """Make one-minute bars of raw files that are in their place: Parquet, one file a month, and a manifest.

    Bars are the vendor's own: by ts_recv, labelled by their start, UTC; no trade, no bar. The same files give the same bytes.
    Needs no database. Bars whose files have not changed are not made again.

    \b
    Examples:
        stage1 derive --symbol AAPL --year 2023
        stage1 derive --symbol AAPL,MSFT --years 2014-2023
        stage1 derive --symbol ES.c.0 --from 2023-01-01 --until 2023-02-01 --products TRADES
    """
    from stage1.operations.data_folder import DataFolder

    data = DataFolder.of(application.settings)
    wanted = [(symbol, period) for symbol in symbols for period in periods]
    rows: list[dict[str, Any]] = []
    failed: list[ExitCode] = []
    try:
        for symbol, period in wanted:
            try:
                rows.append(_derive(application, data, symbol, period, products, force=force, verify=verify))
            except Stage1Error as problem:
                if len(wanted) == 1:
                    raise
                # The others may be done; this one is said now, and again by the exit code.
                application.complain(problem, period.slug(symbol))
                failed.append(problem.exit_code)
                application.exit_code = failed[0] if failed == [failed[0]] * len(wanted) else ExitCode.ANSWER_IS_NO
                rows.append(_row(period.slug(symbol), "failed"))
    finally:
        if rows:
            application.show(rows)


def _derive(
    application: Application,
    data: "DataFolder",
    symbol: str,
    period: Period,
    products: tuple[str, ...],
    *,
    force: bool,
    verify: bool,
) -> dict[str, Any]:
    from stage1.operations import derive_inputs
    from stage1.operations.derive import derive

    begun = clock.monotonic()
    derive_inputs.require_files(data, symbol, period, products)
    with data.locked(symbol, period), Progress(quiet=application.verbosity is rendering.Verbosity.QUIET) as progress:
        inputs = derive_inputs.in_place(data, symbol, period, products)

        def tell(product: str, done: int, total: int) -> None:
            progress.show(product, done, total, Path(product))  # the two are read at once

        found = derive(data, symbol, period, inputs, force=force, verify=verify, progress=tell)
    for warning in found.warnings:
        application.say(f"{found.dataset.dataset_id}: warning: {warning}")
    if found.was_read and not found.changed:
        application.say(f"{found.dataset.dataset_id}: the same bytes as before")
    return _row(
        found.dataset.dataset_id,
        "derived" if found.was_read else "unchanged",
        bars=found.dataset.bar_count,
        files=len(found.manifest["outputs"]),
        bytes=sum(each["bytes"] for each in found.manifest["outputs"]),
        seconds=round(clock.monotonic() - begun, 2),
        manifest=str(found.path),
    )


def _row(dataset_id: str, status: str, **known: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("bars", "files", "bytes", "seconds", "manifest"))
    return {"dataset_id": dataset_id, "status": status, **empty, **known}
