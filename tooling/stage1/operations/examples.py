"""Versioned sets of examples: the upsert and its plan, what a version holds, what changed, tags and restores.

Owns the order of the calls; what changes and what is refused is decided by the functions of sql/functions/examples/. A version
is selected by one text: `latest`, an id, its number, `tag:NAME` or `as-of:TIME`. Imports database and model.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from stage1 import faults
from stage1.database import calls, example_staging
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.errors import ContentRefused, HashMismatch, Stage1Error
from stage1.model.datasets import dataset_id_of
from stage1.model.example_lines import Example, ExampleReference
from stage1.model.json_lines import EntryRefused
from stage1.settings import Settings

Row = dict[str, Any]

LATEST = "latest"
# Where all examples are wanted: how many are read first, and then at once, and how many characters these may be.
_FIRST_PAGE, _PAGE, _PAGE_SIZE = 16, 2_000, 8 << 20
_PAGES_GROW = 4


@dataclass(frozen=True)
class Change:
    """Which dataset is to change how, and who says so; exactly one of name and id."""

    mode: str
    name: str | None = None
    dataset_id: UUID | None = None
    expected_version_id: UUID | None = None
    dry_run: bool = False
    allow_empty: bool = False
    description: str | None = None
    metadata: str = "{}"  # JSON, as text: its numbers stay exact
    request_key: str | None = None
    created_by: str | None = None


def upsert_examples(target: Target, settings: Settings, change: Change, entries: Iterable[Example | ExampleReference]) -> Row:
    """Brings the examples into the dataset in one transaction; a version is made where something changed.

    A reference says 'the dataset has this one already', and is refused where it has not. The same `request_key` again is
    answered as the first time, and does nothing.
    """
    with connected(target, settings, Purpose.SERVE) as connection:
        with refusals_explained():
            example_staging.stage_examples(connection, entries)
        faults.reach("examples staged")
        [answer] = calls.rows(
            connection,
            "public.upsert_dataset_examples",
            p_dataset_id=change.dataset_id,
            p_name=change.name,
            p_new_dataset_id=dataset_id_of(change.name) if change.name else None,
            p_mode=change.mode,
            p_expected_version_id=change.expected_version_id,
            p_dry_run=change.dry_run,
            p_allow_empty=change.allow_empty,
            p_description=change.description,
            p_metadata=change.metadata,
            p_request_key=change.request_key,
            p_created_by=change.created_by,
        )
        faults.reach("examples written")
    faults.reach("examples committed")
    return answer


def plan_upsert(
    target: Target, settings: Settings, change: Change, references: Iterable[ExampleReference]
) -> tuple[Row, list[str]]:
    """What an upsert of these ids and hashes would do, and the ids whose content it would need."""
    with connected(target, settings, Purpose.SERVE) as connection:
        with refusals_explained():
            example_staging.stage_references(connection, references)
        [answer] = calls.rows(
            connection,
            "public.plan_dataset_examples",
            p_dataset_id=change.dataset_id,
            p_name=change.name,
            p_mode=change.mode,
            p_expected_version_id=change.expected_version_id,
            p_allow_empty=change.allow_empty,
        )
        needed = calls.rows(connection, "public.needed_examples")
    return answer, [row["needed_examples"] for row in needed]


def restore_version(target: Target, settings: Settings, dataset: str, version: str, change: Change) -> Row:
    """Makes a version that holds what an earlier one held; none where nothing differs. The mode of the change is not asked."""
    with connected(target, settings, Purpose.SERVE) as connection:
        [answer] = calls.rows(
            connection,
            "public.restore_dataset_version",
            p_dataset=dataset,
            p_version=version,
            p_expected_version_id=change.expected_version_id,
            p_dry_run=change.dry_run,
            p_description=change.description,
            p_metadata=change.metadata,
            p_request_key=change.request_key,
            p_created_by=change.created_by,
        )
    return answer


def find_version(target: Target, settings: Settings, dataset: str, version: str = LATEST) -> Row:
    """One version of a dataset."""
    return _read(target, settings, "public.fn_find_dataset_version", p_dataset=dataset, p_version=version)[0]


def list_versions(
    target: Target, settings: Settings, dataset: str, limit: int = 50, before_sequence: int | None = None
) -> list[Row]:
    """The versions of a dataset, the newest first."""
    return _read(
        target, settings, "public.fn_list_dataset_versions", p_dataset=dataset, p_limit=limit, p_before_sequence=before_sequence
    )


def examples_page(
    target: Target, settings: Settings, dataset: str, version: str = LATEST, limit: int = 100, after: str | None = None
) -> list[Row]:
    """The examples of a version that follow a source id, by source id."""
    return _read(
        target,
        settings,
        "public.fn_dataset_examples",
        p_dataset=dataset,
        p_version=version,
        p_limit=limit,
        p_after_source_id=after,
    )


def all_examples(
    target: Target, settings: Settings, version_id: UUID, dataset_id: UUID, after: str | None = None
) -> Generator[Example, None, None]:
    """Every example of a version, page by page: what a version holds does not change, so no connection is kept meanwhile."""
    limit = _FIRST_PAGE
    while page := examples_page(target, settings, str(dataset_id), str(version_id), limit, after):
        size = 1
        for row in page:
            example = Example(row["source_id"], str(row["input"]), str(row["output"]), str(row["metadata"]), row["content_hash"])
            size += len(example.input) + len(example.output) + len(example.metadata)
            yield example
        after = page[-1]["source_id"]
        limit = max(1, min(_PAGE, limit * _PAGES_GROW, _PAGE_SIZE * len(page) // size))


def diff_summary(target: Target, settings: Settings, dataset: str, base: str, other: str) -> Row:
    """How many examples are new, changed, deleted and unchanged from one version to another."""
    return _read(target, settings, "public.fn_diff_dataset_versions_summary", p_dataset=dataset, p_base=base, p_other=other)[0]


def diff_page(
    target: Target, settings: Settings, dataset: str, base: str, other: str, limit: int = 100, after: str | None = None
) -> list[Row]:
    """The examples that differ, by source id."""
    return _read(
        target,
        settings,
        "public.fn_diff_dataset_versions",
        p_dataset=dataset,
        p_base=base,
        p_other=other,
        p_limit=limit,
        p_after_source_id=after,
    )


def example_history(
    target: Target, settings: Settings, dataset: str, source_id: str, limit: int = 50, before_sequence: int | None = None
) -> list[Row]:
    """What happened to one example, the newest first."""
    return _read(
        target,
        settings,
        "public.fn_example_history",
        p_dataset=dataset,
        p_source_id=source_id,
        p_limit=limit,
        p_before_sequence=before_sequence,
    )


def list_tags(target: Target, settings: Settings, dataset: str) -> list[Row]:
    """The tags of a dataset and the versions that they name."""
    return _read(target, settings, "public.fn_list_dataset_tags", p_dataset=dataset)


def tag_version(target: Target, settings: Settings, dataset: str, tag: str, version: str, updated_by: str | None) -> Row:
    """Gives a tag to a version; another version that had it has it no more."""
    with connected(target, settings, Purpose.SERVE) as connection:
        return calls.rows(
            connection,
            "public.tag_dataset_version",
            p_dataset=dataset,
            p_tag=tag,
            p_version=version,
            p_updated_by=updated_by,
        )[0]


def untag_version(target: Target, settings: Settings, dataset: str, tag: str) -> None:
    """Takes a tag away."""
    with connected(target, settings, Purpose.SERVE) as connection:
        calls.rows(connection, "public.untag_dataset_version", p_dataset=dataset, p_tag=tag)


@contextmanager
def refusals_explained() -> Iterator[None]:
    """An entry that is not of its form, as an error of the table."""
    try:
        yield
    except EntryRefused as refused:
        raise content_refused(refused) from None


def content_refused(refused: EntryRefused) -> Stage1Error:
    """The error that stands for a refused entry."""
    if refused.code == "hash_mismatch":
        return HashMismatch(str(refused))
    return ContentRefused(str(refused), pointer=refused.pointer, line=refused.line)


def _read(target: Target, settings: Settings, function: str, **arguments: object) -> list[Row]:
    with connected(target, settings, Purpose.READ) as connection:
        return calls.rows(connection, function, **arguments)
