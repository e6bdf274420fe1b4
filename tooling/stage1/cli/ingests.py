"""`stage1 ingests`."""

import click

from stage1.cli import rendering
from stage1.cli.datasets import INTEGER, WholeNumber
from stage1.cli.options import Application, Group, pass_application

# What fits a line of a screen; -v, JSON and CSV have all columns.
_LISTED = ("id", "file_name", "status", "row_count", "inserted_count", "changed_count", "started_at", "undone_at")
_SYMBOLS = ("symbol", "row_count", "inserted_count", "updated_count", "changed_count", "first_ts", "last_ts")
_INGEST = WholeNumber(1, 2**63 - 1)


@click.group(cls=Group)
def ingests() -> None:
    """List, show and undo the loads of files.

    Each load is a row of data_ingest_runs, also one that failed or was undone.
    """


@ingests.command("list")
@click.option("--limit", type=INTEGER, default=50, show_default=True, help="How many at the most.")
@click.option("--offset", type=INTEGER, default=0, show_default=True, help="How many to pass over.")
@click.option("--status", type=click.Choice(["running", "success", "failed"]), help="Only those that ended so.")
@pass_application
def list_ingests(application: Application, limit: int, offset: int, status: str | None) -> None:
    """List the loads, the newest first; -v shows all columns.

    \b
    Examples:
        stage1 ingests list
        stage1 ingests list --status failed --format csv
    """
    from stage1.operations import ingests as operation

    application.show(operation.list_ingests(application.target(), application.settings, limit, offset, status), _LISTED)


@ingests.command()
@click.argument("ingest", type=_INGEST, metavar="ID")
@pass_application
def show(application: Application, ingest: int) -> None:
    """Show one load: its file, counts, symbols, warnings, or why it failed.

    \b
    Examples:
        stage1 ingests show 17
    """
    from stage1.operations import ingests as operation

    found = operation.show_ingest(application.target(), application.settings, ingest)
    if application.format is not rendering.Format.TABLE:
        application.show_record(found)
        return
    symbols = found.pop("symbols")
    application.show_record(found)
    if symbols:
        rendering.write("")
        application.show(symbols, _SYMBOLS)


@ingests.command()
@click.argument("ingest", type=_INGEST, metavar="ID")
@pass_application
def undo(application: Application, ingest: int) -> None:
    """Remove the bars that a load wrote and that no later load has rewritten.

    Its row of the audit trail stays and says so (removed_count, undone_at). Of bars that it rewrote the earlier values are
    gone, and details.removed_rewritten counts them: load the earlier file again.

    \b
    Examples:
        stage1 ingests undo 17
    """
    from stage1.operations import ingests as operation

    undone, rewritten = operation.undo_ingest(application.target(), application.settings, ingest)
    application.show_record(undone)
    application.say(f"{undone['removed_count'] or 0:,} bars of ingest {ingest} are removed.")
    if rewritten:
        application.say(
            f"{rewritten:,} of them had replaced earlier ones, which are gone: load the files again that were loaded before it."
        )
