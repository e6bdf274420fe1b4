"""`stage1 replay`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stage1.cli.ages import Age
from stage1.cli.options import Application, Group, pass_application
from stage1.cli.rendering import Section
from stage1.errors import ExitCode
from stage1.extras import needs

if TYPE_CHECKING:
    from datetime import timedelta

    from stage1.operations.replay import ReplayReport

_SHOWN = 20


@click.group(cls=Group)
def replay() -> None:
    """Replay the inserts that offline clients left in the spool, each exactly once.

    The spool is the folder STAGE1_SPOOL (default: spool); docs/reference/spool.md says what a client may write.
    """


@replay.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Judge every statement; claim nothing, write nothing.")
@pass_application
def run(application: Application, paths: tuple[Path, ...], dry_run: bool) -> None:
    """Replay what waits: in the spool, or in the given folders and files.

    It logs in as the weak role stage1_replay (STAGE1_REPLAY_URL, or the password file). A file that was replayed is moved to
    done/; what failed is a dead letter in the database. Exit code 1 if there are new dead letters.

    \b
    Examples:
        stage1 replay run
        stage1 replay run --dry-run exports/2026-11-19.sql
        stage1 replay run --format json --embedded
    """
    with needs("replay"):
        from stage1.operations import rehearse_replay, replay
    from stage1.operations.choose_database import choose_replay_database

    settings = application.settings
    target = choose_replay_database(settings, application.database, application.say, embedded_is_meant=application.embedded)
    places = list(paths) or [settings.path("STAGE1_SPOOL")]
    if dry_run:
        report = rehearse_replay.rehearse(target, settings, places)
    else:
        report = replay.replay(target, settings, places, application.say)
    _answer(application, report, dry_run)


@replay.command()
@click.argument("spool", required=False)
@click.argument("position", required=False, type=click.IntRange(min=0))
@pass_application
def retry(application: Application, spool: str | None, position: int | None) -> None:
    """Try dead letters once more: all, those of a SPOOL, or the one at a POSITION of it.

    \b
    Examples:
        stage1 replay retry
        stage1 replay retry append:20261120T031500Z-1a2b3c4d 1042
    """
    with needs("replay"):
        from stage1.operations import replay as operation
    from stage1.operations.choose_database import choose_replay_database

    settings = application.settings
    target = choose_replay_database(settings, application.database, application.say, embedded_is_meant=application.embedded)
    _answer(application, operation.retry(target, settings, spool, position, application.say), dry_run=False)


@replay.command()
@click.option("--max-age", type=Age(), metavar="AGE", help="Exit with 1 unless a replay was done since: 26h, 2d, 90m.")
@click.option("--limit", type=click.IntRange(0, 1000), default=_SHOWN, show_default=True, help="How many letters are shown.")
@pass_application
def status(application: Application, max_age: "timedelta | None", limit: int) -> None:
    """Show the last run, what waits in the spool, and the dead letters.

    \b
    Examples:
        stage1 replay status
        stage1 replay status --max-age 26h
        stage1 replay status --format json --limit 1000
    """
    from stage1.operations import replay_status as operation

    found = operation.replay_status(application.target(), application.settings, limit)
    application.show_report(
        {"run": found.run, "files": [str(path) for path in found.files], "letters": found.letters},
        [
            Section("the last run", [found.run]),
            Section("files that wait", [{"file": str(path)} for path in found.files]),
            Section("statements that were not applied", [_short(row) for row in found.letters]),
        ],
    )
    complaint = found.older_than(max_age) if max_age else ""
    if complaint:
        application.say(complaint)
        application.exit_code = ExitCode.ANSWER_IS_NO


@replay.command()
@click.option("--letters", is_flag=True, help="Take note of all dead letters: they stay in the ledger and are not reported.")
@click.option("--yes", is_flag=True, help="Take note of them without being asked.")
@pass_application
def purge(application: Application, letters: bool, yes: bool) -> None:
    """Delete spool files that were done long ago (STAGE1_SPOOL_KEEP days), and compact the ledger.

    A file that the ledger does not know, that grew since, or that a client still has open stays.

    \b
    Examples:
        stage1 replay purge
        stage1 replay purge --letters --yes
    """
    from stage1.operations import replay_status as operation

    if letters and not yes:
        raise click.UsageError("--letters takes note of every dead letter; add --yes.")
    purged = operation.purge(application.target("never"), application.settings, letters=letters)
    application.show_record(purged)


def _answer(application: Application, report: "ReplayReport", dry_run: bool) -> None:
    counts = vars(report.counts)
    files: list[dict[str, Any]] = [
        {"file": str(file.path), "spool": file.spool, "state": file.state, **vars(file.counts), "note": file.note}
        for file in report.files
    ]
    document = {"run": report.run, "dry_run": dry_run, **counts, "files": files, "refused": report.refused}
    application.show_report(
        document, [Section("files", files), Section("refused", [_short(row) for row in report.refused[:_SHOWN]])]
    )
    words = ("would be applied", "would be refused") if dry_run else ("applied", "dead letters")
    application.say(
        f"{report.counts.applied} statements {words[0]}, {report.counts.known} known already, "
        f"{report.counts.waiting} wait for what they refer to, {report.counts.dead} {words[1]}"
    )
    left = [file for file in report.files if file.is_left]
    for file in left:
        application.say(f"{file.path} was left where it is: {file.note}")
    if report.counts.dead or left:
        if report.counts.dead and not dry_run:
            application.say("`stage1 replay status` lists the dead letters; `stage1 replay retry` tries them again")
        application.exit_code = ExitCode.ANSWER_IS_NO


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a table: a statement as its beginning."""
    return {name: " ".join(str(value).split())[:60] if name == "statement" else value for name, value in row.items()}
