"""`stage1 datasets`."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from stage1.cli import rendering
from stage1.cli.options import Application, Group, pass_application
from stage1.errors import ExitCode
from stage1.model.json_text import checked_object

# What fits a line of a screen; -v, JSON and CSV have all columns.
_LISTED = ("dataset_slug", "kind", "ohlcv_row_count", "indicator_row_count", "run_count", "simulation_count", "updated_at")
_LINEAGE = ("kind", "name", "detail", "happened_at")


class WholeNumber(click.ParamType[int]):
    """A whole number that PostgreSQL's type holds; --help does not show its bounds, which nobody meets."""

    name = "integer"

    def __init__(self, least: int, most: int) -> None:
        self._range = click.IntRange(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads the number."""
        return self._range.convert(value, param, ctx)


# What is right within them, the functions of the database decide.
INTEGER = WholeNumber(-(2**31), 2**31 - 1)
ROWS = WholeNumber(0, 2**63 - 1)


class Moment(click.ParamType[datetime]):
    """A point in time; without an offset it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Reads ISO 8601."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time like 2023-01-03 or 2023-01-03T14:30:00Z.", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class JsonObject(click.ParamType[str]):
    """A JSON object, given as text and passed on as it is."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Reads the object; NaN and the like are not JSON."""
        try:
            return checked_object(value)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


@click.group(cls=Group)
def datasets() -> None:
    """List, show, register and verify datasets.

    A dataset is known by its slug (AAPL-2023-1m) or its id.
    """


@datasets.command("list")
@click.option("--limit", type=INTEGER, default=50, show_default=True, help="How many at the most.")
@click.option("--offset", type=INTEGER, default=0, show_default=True, help="How many to pass over.")
@pass_application
def list_datasets(application: Application, limit: int, offset: int) -> None:
    """List the catalog, the newest first; -v shows all columns.

    \b
    Examples:
        stage1 datasets list
        stage1 datasets list --limit 10 --format csv
    """
    from stage1.operations import catalog

    application.show(catalog.list_datasets(application.target(), application.settings, limit, offset), _LISTED)


@datasets.command()
@click.argument("dataset", metavar="SLUG")
@pass_application
def show(application: Application, dataset: str) -> None:
    """Show one dataset.

    \b
    Examples:
        stage1 datasets show AAPL-2023-1m
    """
    from stage1.operations import catalog

    application.show_record(catalog.show_dataset(application.target(), application.settings, dataset))


@datasets.command()
@click.argument("dataset", metavar="SLUG")
@pass_application
def lineage(application: Application, dataset: str) -> None:
    """Show what came from what; -v shows all columns.

    Read it top down: the vendor's files, the manifest of the bars that were derived from them, the ingest that loaded these, the
    dataset, then each run that used it with its simulations.

    \b
    Examples:
        stage1 datasets lineage AAPL-2023-1m
    """
    from stage1.operations import catalog

    application.show(catalog.dataset_lineage(application.target(), application.settings, dataset), _LINEAGE)


@datasets.command()
@click.argument("slug")
@click.option("--ohlcv", "ohlcv_measurement", required=True, metavar="TABLE", help="The OHLCV table in QuestDB.")
@click.option("--indicators", "indicator_measurement", required=True, metavar="TABLE", help="The indicator table in QuestDB.")
@click.option("--id", "dataset_id", type=UUID, metavar="UUID", help="The id; without it, it follows from the slug.")
@click.option("--symbol", help="The instrument, such as AAPL.")
@click.option("--granularity", help="Such as 1m.")
@click.option("--source", help="Who wrote the tables.")
@click.option("--ohlcv-rows", type=ROWS, help="How many bars there are.")
@click.option("--ohlcv-first", type=Moment(), help="The first bar (UTC unless it has an offset).")
@click.option("--ohlcv-last", type=Moment(), help="The last bar.")
@click.option("--indicator-rows", type=ROWS, help="How many rows of indicators there are.")
@click.option("--indicator-first", type=Moment(), help="The first row of indicators.")
@click.option("--indicator-last", type=Moment(), help="The last row of indicators.")
@click.option("--metadata", type=JsonObject(), default="{}", help="A JSON object; merged into what is there.")
@pass_application
def upsert(application: Application, /, **fields: Any) -> None:
    """Register a dataset triplet, or replace the one of this slug.

    The call says everything that is known of the dataset: what is not given is stored as unknown (a row count as 0, the
    source as its default), whatever was there before. Only the metadata is merged.

    \b
    Examples:
        stage1 datasets upsert AAPL-2023-1m --ohlcv ohlcv_aapl --indicators ind_aapl --symbol AAPL --granularity 1m
    """
    from stage1.operations import catalog

    application.show_record(catalog.upsert_dataset(application.target(), application.settings, catalog.Triplet(**fields)))


@datasets.command()
@click.argument("dataset", metavar="SLUG")
@click.option("--offline", is_flag=True, help="Look it up in the offline catalog (STAGE1_CATALOG); needs no database.")
@pass_application
def verify(application: Application, dataset: str, offline: bool) -> None:
    """Hash the files of a dataset again: the manifest, and every input and output that it names.

    They lie in the data folder (STAGE1_DATA). Exit code 1 where one is missing or altered.

    \b
    Examples:
        stage1 datasets verify AAPL-2023-1m
        stage1 datasets verify AAPL-2023-1m --offline
    """
    from stage1.operations.verify_dataset import verify_dataset

    target = None if offline else application.target()
    files = verify_dataset(target, application.settings, dataset, application.detail)
    bad = sum(not file.is_ok for file in files)
    application.exit_code = ExitCode.ANSWER_IS_NO if bad else ExitCode.DONE
    application.say(
        f"{dataset}: {bad} of {len(files)} files are not what they should be"
        if bad
        else f"{dataset}: all {len(files)} files are as the manifest says"
    )
    application.show([asdict(file) for file in files])


@datasets.command()
@pass_application
def push(application: Application) -> None:
    """Bring the datasets of the offline catalog (STAGE1_CATALOG) to the database: their bars, then their rows.

    A dataset that the database knows already is passed over. One whose files are gone is named and left, the others go on; the
    exit code is 1 then.

    \b
    Examples:
        stage1 datasets push
    """
    from stage1.cli.progress import Progress
    from stage1.operations.push_datasets import PUSHED, PushedDataset, push_datasets

    with Progress(quiet=application.verbosity is rendering.Verbosity.QUIET) as progress:

        def through(one: PushedDataset) -> None:
            if one.problem is not None:
                with progress.aside():
                    application.complain(one.problem, one.dataset_id)

        pushed = push_datasets(application.target(), application.settings, progress.show, through)
    if any(one.problem for one in pushed):
        application.exit_code = ExitCode.ANSWER_IS_NO
    elif all(one.state != PUSHED for one in pushed):
        application.say("nothing to do: the database has every dataset of the offline catalog")
    columns = ("dataset_id", "state", "bar_count", "ingest_id")
    application.show([{name: getattr(one, name) for name in columns} for one in pushed])
