"""`stage1 examples`."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from uuid import UUID

import click

from stage1.cli import rendering
from stage1.cli.datasets import INTEGER, JsonObject, WholeNumber
from stage1.cli.options import Application, Group, pass_application

_COUNTS = ("new_count", "changed_count", "unchanged_count", "deleted_count", "restored_count")
_VERSIONS = ("sequence", "version_id", "created_at", "created_by", "origin", "example_count", "tags")
_HISTORY = ("sequence", "version_id", "created_at", "created_by", "kind")
_PIECE = 1 << 16
_LINES = 500  # that are written at once

_version = click.option(
    "--version",
    default="latest",
    show_default=True,
    metavar="VERSION",
    help="`latest`, an id, a number, tag:NAME or as-of:TIME.",
)
_limit = click.option("--limit", type=INTEGER, default=50, show_default=True, help="How many at the most.")
_description = click.option("--description", help="Why: a sentence that stays with the version.")
_expected = click.option("--expected-version", type=UUID, metavar="UUID", help="Refuse unless this is the latest version.")
_dry_run = click.option("--dry-run", is_flag=True, help="Say what would change, and write nothing.")


@click.group(cls=Group)
def examples() -> None:
    """Keep versioned sets of examples, for experiments.

    A set is a dataset of the kind `examples`, known by its name or its id. Each change makes a version, and every version can be
    read again for ever. A VERSION is `latest`, an id, a number, tag:NAME or as-of:2023-01-03T14:30:00Z.
    """


@examples.command()
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--mode",
    type=click.Choice(["merge", "mirror"]),
    required=True,
    help="merge: add and correct; mirror: delete what the file does not have, too.",
)
@_expected
@_dry_run
@click.option("--allow-empty", is_flag=True, help="Let the mirror of an empty file delete every example.")
@_description
@click.option("--metadata", type=JsonObject(), default="{}", help="A JSON object about the version.")
@pass_application
def upsert(
    application: Application,
    name: str,
    file: str,
    mode: str,
    expected_version: UUID | None,
    dry_run: bool,
    allow_empty: bool,
    description: str | None,
    metadata: str,
) -> None:
    """Bring the examples of an NDJSON file into the set NAME; - is stdin.

    Each line is an object with source_id and input, and where wanted output and metadata. Where nothing differs, no version is
    made.

    \b
    Examples:
        stage1 examples upsert breakouts breakouts.ndjson --mode mirror
        stage1 examples upsert breakouts corrections.ndjson --mode merge --dry-run
    """
    from stage1.model.example_lines import checked_example
    from stage1.model.json_lines import read_lines
    from stage1.operations.examples import Change, upsert_examples

    dataset_id = _id_in(name)
    change = Change(
        mode=mode,
        name=None if dataset_id else name,
        dataset_id=dataset_id,
        expected_version_id=expected_version,
        dry_run=dry_run,
        allow_empty=allow_empty,
        description=description,
        metadata=metadata,
        created_by=_caller(),
    )
    with _opened(file) as opened:
        entries = read_lines(_pieces(opened), checked_example)
        answer = upsert_examples(application.target(), application.settings, change, entries)
    _report(application, name, answer, dry_run)


@examples.command("list")
@click.argument("name")
@_version
@click.option("--limit", type=WholeNumber(1, 2**31 - 1), metavar="N", help="Only the first N examples.")
@pass_application
def list_examples(application: Application, name: str, version: str, limit: int | None) -> None:
    """Print the examples of a version as NDJSON, which `upsert` reads.

    \b
    Examples:
        stage1 examples list breakouts > breakouts.ndjson
        stage1 examples list breakouts --version 3 --limit 10
    """
    from itertools import islice

    from stage1.operations.examples import all_examples, find_version

    target = application.target()
    found = find_version(target, application.settings, name, version)
    examples = islice(all_examples(target, application.settings, found["version_id"], found["dataset_id"]), limit)
    while lines := b"".join(example.as_line() for example in islice(examples, _LINES)):
        rendering.write(lines.decode())


@examples.command()
@click.argument("name")
@_limit
@pass_application
def versions(application: Application, name: str, limit: int) -> None:
    """List the versions of a set, the newest first; -v shows all columns.

    \b
    Examples:
        stage1 examples versions breakouts
    """
    from stage1.operations.examples import list_versions

    application.show(list_versions(application.target(), application.settings, name, limit), _VERSIONS)


@examples.command()
@click.argument("name")
@click.argument("base")
@click.argument("other", default="latest")
@_limit
@pass_application
def diff(application: Application, name: str, base: str, other: str, limit: int) -> None:
    """Show what changed from version BASE to version OTHER (the latest).

    \b
    Examples:
        stage1 examples diff breakouts 1
        stage1 examples diff breakouts tag:reviewed as-of:2023-06-01T00:00Z --limit 1000
    """
    from stage1.operations.examples import diff_page, diff_summary

    target = application.target()
    total = diff_summary(target, application.settings, name, base, other)
    application.say(", ".join(f"{total[f'{word}_count']} {word}" for word in ("new", "changed", "deleted", "unchanged")))
    application.show(diff_page(target, application.settings, name, base, other, limit), ("source_id", "change"))


@examples.command()
@click.argument("name")
@click.argument("source_id")
@_limit
@pass_application
def history(application: Application, name: str, source_id: str, limit: int) -> None:
    """Show what happened to one example, the newest first; -v shows its contents.

    \b
    Examples:
        stage1 examples history breakouts AAPL-2023-01-03
    """
    from stage1.operations.examples import example_history

    application.show(example_history(application.target(), application.settings, name, source_id, limit), _HISTORY)


@examples.command()
@click.argument("name")
@click.argument("version")
@_expected
@_dry_run
@_description
@pass_application
def restore(
    application: Application, name: str, version: str, expected_version: UUID | None, dry_run: bool, description: str | None
) -> None:
    """Make a new version that holds what VERSION held.

    Nothing is taken away: what the versions since then hold can still be read.

    \b
    Examples:
        stage1 examples restore breakouts 3 --description "the import of Friday was wrong"
    """
    from stage1.operations.examples import Change, restore_version

    change = Change(
        mode="restore",
        expected_version_id=expected_version,
        dry_run=dry_run,
        description=description,
        created_by=_caller(),
    )
    _report(application, name, restore_version(application.target(), application.settings, name, version, change), dry_run)


@examples.command()
@click.argument("name")
@click.argument("tag")
@click.argument("version", required=False)
@click.option("--remove", is_flag=True, help="Take the tag away.")
@pass_application
def tag(application: Application, name: str, tag: str, version: str | None, remove: bool) -> None:
    """Give a version a name that can be moved to another: TAG is then found as tag:TAG.

    \b
    Examples:
        stage1 examples tag breakouts reviewed
        stage1 examples tag breakouts reviewed 3
        stage1 examples tag breakouts reviewed --remove
    """
    from stage1.operations.examples import LATEST, tag_version, untag_version

    if remove and version is not None:
        raise click.UsageError("--remove takes the tag away from whichever version has it; leave VERSION out.")
    target, settings = application.target(), application.settings
    if remove:
        untag_version(target, settings, name, tag)
        application.say(f"{name}: the tag {tag} is gone")
    else:
        application.show_record(tag_version(target, settings, name, tag, LATEST if version is None else version, _caller()))


def _report(application: Application, name: str, answer: dict[str, object], dry_run: bool) -> None:
    counts = ", ".join(f"{answer[count]} {count.removesuffix('_count')}" for count in _COUNTS)
    done = "would make a version" if dry_run else "made a version"
    application.say(f"{name}: {done if answer['created_version'] else 'nothing to change, no version made'} ({counts})")
    application.show_record(answer)


def _id_in(name: str) -> UUID | None:
    """The id of a set, where it is given in place of its name; no set has a name of that form."""
    try:
        found = UUID(name)
    except ValueError:
        return None
    return found if str(found) == name.lower() else None


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    try:
        file = click.open_file(name, "rb")
    except OSError as problem:
        raise click.FileError(name, hint=problem.strerror) from None
    with file as opened:
        yield opened


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _caller() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return "anonymous"
