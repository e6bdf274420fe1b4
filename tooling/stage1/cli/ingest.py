"""`stage1 ingest`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from stage1.cli import ingest_report, rendering
from stage1.cli.options import Application, Command, pass_application
from stage1.errors import ExitCode
from stage1.extras import needs


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER|GLOB...")
@click.option("--symbol", help="The symbol of a file of one instrument, whatever the file calls it.")
@click.option("--dataset", metavar="CODE", help="The vendor dataset, such as GLBX.MDP3.  [default: the file's own]")
@click.option("--dry-run", is_flag=True, help="Prove the files and write nothing; needs no database.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Load only the first N records, to try something out.")
@click.option("--expect-records", type=click.IntRange(0), metavar="N", help="Refuse a file of another number of records.")
@click.option(
    "--symbology",
    type=click.Path(path_type=Path),
    metavar="JSON",
    help="The symbology of a batch download.  [default: symbology.json beside the file]",
)
@click.option("--publisher", type=click.IntRange(0, 65_535), metavar="ID", help="Load the bars of this publisher alone.")
@click.option(
    "--on-bad-rows",
    type=click.Choice(["fail", "quarantine"]),
    default="fail",
    show_default=True,
    help="Refuse a file with bad rows, or keep them apart with their reasons and load the rest.",
)
@click.option("--replace-origin", is_flag=True, help="Bars of another dataset or origin under this symbol may be replaced.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="How many files are loaded at once.")
@pass_application
def ingest(application: Application, /, files: tuple[str, ...], dry_run: bool, jobs: int, **choices: Any) -> None:
    """Load DBN files of one-minute bars into market_bars_ohlcv_1m, each whole or not at all.

    Each file is proven before anything is written: frames complete, counts, symbols, rows. It is one transaction with its
    audit row in data_ingest_runs. A file that was loaded before changes nothing.

    \b
    Examples:
        stage1 ingest glbx-mdp3-20230103.ohlcv-1m.dbn.zst
        stage1 ingest batch/ --jobs 2
        stage1 ingest mnq.dbn.zst --symbol MNQ1 --dry-run
    """
    with needs("vendor"):
        from stage1.operations.ingest import Outcome
        from stage1.operations.ingest import dry_run as prove_only
        from stage1.operations.ingest import ingest as load
        from stage1.operations.ingest_files import exit_code_of, find_files, ingest_files
        from stage1.operations.ingest_options import IngestOptions

    from stage1.cli.progress import Progress

    options = IngestOptions(**choices)
    paths = find_files(files, application.say)
    target = None if dry_run else application.target()
    settings = application.settings
    with Progress(quiet=application.verbosity is rendering.Verbosity.QUIET, files=len(paths)) as progress:

        def work(path: Path, tell: Any, opened: Any) -> Outcome:
            if target is None:
                return prove_only(path, options, tell)
            return load(target, settings, path, options, tell, opened)

        def through(outcome: Outcome) -> None:
            progress.finish(outcome.path)
            if outcome.problem is None or len(paths) > 1:
                with progress.aside():
                    _talk(application, outcome)

        ended = ingest_files(paths, work, jobs, progress.of, through)
    outcomes = ended.outcomes
    problem = ended.raised or (outcomes[0].problem if len(paths) == 1 else None)
    # Now, since whoever reads the answer may leave before its end.
    application.exit_code = exit_code_of(outcomes)
    if isinstance(ended.raised, KeyboardInterrupt):
        application.exit_code = ExitCode.INTERRUPTED
    elif ended.raised is not None and not isinstance(ended.raised, BrokenPipeError):
        application.exit_code = ExitCode.BUG
    if problem is None or len(paths) > 1 or outcomes[0].status == "loaded":
        _answer(application, outcomes)
    if problem is not None:
        raise problem


def _talk(application: Application, outcome: Any) -> None:
    """What a person should know of a file before the next one is through."""
    problem = outcome.problem
    if problem is not None:
        application.complain(problem, str(outcome.path))
    elif outcome.proven is not None:
        for warning in outcome.proven.warnings:
            application.say(f"{outcome.path}: warning: {warning}")
        for line in ingest_report.details(outcome.proven):
            application.detail(f"{outcome.path}: {line}")


def _answer(application: Application, outcomes: Sequence[Any]) -> None:
    if application.format is not rendering.Format.TABLE:
        sections = [rendering.Section("files", ingest_report.summary_rows(outcomes))]
        application.show_report(ingest_report.document(outcomes), sections)
    elif len(outcomes) == 1:
        rendering.write(ingest_report.text(outcomes[0]))
    else:
        application.show(ingest_report.summary_rows(outcomes))
