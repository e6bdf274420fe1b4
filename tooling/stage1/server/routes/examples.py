"""Versioned sets of examples: the upsert and its plan, versions, what they hold, differences, history, restores and tags."""

from collections.abc import Generator
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response

from stage1.errors import ArgumentInvalid
from stage1.model.canonical_json import written
from stage1.model.example_lines import Example, checked_entry, checked_reference
from stage1.operations import examples
from stage1.operations.examples import LATEST, Change, Row
from stage1.server import paging
from stage1.server.answers import JSON, NDJSON, Stream, accepted, answer
from stage1.server.bodies import SpooledBody, json_body, streamed_body
from stage1.server.entries import read_entries
from stage1.server.schemas.examples import (
    DiffPage,
    Event,
    ExampleBody,
    ExamplePage,
    ExampleReferenceBody,
    PlanAnswer,
    PlanBody,
    PlanHead,
    RestoreBody,
    Tag,
    TagBody,
    TagList,
    UpsertAnswer,
    UpsertBody,
    UpsertHead,
    Version,
)
from stage1.server.schemas.pages import Page
from stage1.server.serving import Asked, Served

router = APIRouter(prefix="/v1/datasets", tags=["examples"])

_LINES = 200  # of a stream that are one block, where they are not long
_BLOCK_BYTES = 256 * 1024

Dataset = Annotated[str, Path(min_length=1, max_length=300, description="Name or id.", examples=["breakouts"])]
VersionText = Annotated[
    str, Path(min_length=1, max_length=300, description="`latest`, an id, a number, tag:NAME or as-of:TIME.", examples=["latest"])
]
VersionQuery = Annotated[
    str, Query(min_length=1, max_length=300, description="`latest`, an id, a number, tag:NAME or as-of:TIME.")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A key of the client's: the same request with it again is answered as the first time, and does nothing.",
    ),
]


@router.post("/upsert", operation_id="upsert_examples", summary="Upsert examples", response_model=UpsertAnswer)
def upsert(
    served: Served,
    caller: Asked,
    body: Annotated[SpooledBody, streamed_body(UpsertBody, line=ExampleBody, head=UpsertHead)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Bring examples into a dataset, which is made if it is not there. A version is made where something changed.

    As NDJSON the first line is the request without its examples, and each line behind it an example.
    """
    head, entries = read_entries(body, UpsertHead, "examples", checked_entry)
    change = Change(
        mode=head.mode,
        name=_either(head.name, head.id),
        dataset_id=head.id,
        expected_version_id=head.expected_version_id,
        dry_run=head.dry_run,
        allow_empty=head.allow_empty,
        description=head.description,
        metadata=written(head.metadata),
        request_key=idempotency_key,
        created_by=caller.created_by,
    )
    return answer(_upserted(examples.upsert_examples(served.target, served.settings, change, entries)))


@router.post("/upsert/plan", operation_id="plan_upsert", summary="Plan an upsert", response_model=PlanAnswer)
def plan(
    served: Served,
    body: Annotated[SpooledBody, streamed_body(PlanBody, line=ExampleReferenceBody, head=PlanHead)],
) -> Response:
    """Say what an upsert of these ids and hashes would do, and which contents it needs. Nothing is written."""
    head, references = read_entries(body, PlanHead, "examples", checked_reference)
    change = Change(
        mode=head.mode,
        name=_either(head.name, head.id),
        dataset_id=head.id,
        expected_version_id=head.expected_version_id,
        allow_empty=head.allow_empty,
    )
    found, needed = examples.plan_upsert(served.target, served.settings, change, references)
    return answer({**_upserted(found), "needed": needed})


@router.get("/{dataset}/versions", operation_id="list_versions", summary="List versions", response_model=Page[Version])
def list_versions(served: Served, dataset: Dataset, limit: paging.Limit = 50, cursor: paging.Cursor = None) -> Response:
    """The versions of a dataset, the newest first."""
    read = partial(examples.list_versions, served.target, served.settings, dataset)
    return answer(paging.sized_page(read, limit, paging.key_of(cursor, paging.whole), "sequence"))


@router.get("/{dataset}/versions/{version}", operation_id="show_version", summary="Show a version", response_model=Version)
def show_version(served: Served, dataset: Dataset, version: VersionText) -> Response:
    """One version of a dataset."""
    return answer(examples.find_version(served.target, served.settings, dataset, version))


@router.get(
    "/{dataset}/examples",
    operation_id="list_examples",
    summary="List examples",
    response_model=ExamplePage,
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
)
def list_examples(
    request: Request,
    served: Served,
    dataset: Dataset,
    version: VersionQuery = LATEST,
    limit: paging.Limit = 100,
    cursor: paging.Cursor = None,
) -> Response:
    """The examples of a version, by source id: a page as JSON, or with Accept: application/x-ndjson all of them, one a line."""
    form = accepted(request, (JSON, NDJSON))
    (after,) = paging.key_of(cursor, paging.text)
    found = examples.find_version(served.target, served.settings, dataset, version)
    if form == NDJSON:
        every = examples.all_examples(served.target, served.settings, found["version_id"], found["dataset_id"], after)
        about = {"stage1-version-id": str(found["version_id"]), "stage1-example-count": str(found["example_count"])}
        return Stream(_blocks(every), NDJSON, served.settings.seconds("STAGE1_REQUEST_TIMEOUT"), about)
    place = (str(found["dataset_id"]), str(found["version_id"]))
    page = paging.sized_page(
        partial(examples.examples_page, served.target, served.settings, *place), limit, (after,), "source_id"
    )
    return answer({"version": found, **page})


@router.get("/{dataset}/diff", operation_id="diff_versions", summary="Compare two versions", response_model=DiffPage)
def diff(
    served: Served,
    dataset: Dataset,
    base: VersionQuery,
    other: VersionQuery = LATEST,
    limit: paging.Limit = 100,
    cursor: paging.Cursor = None,
) -> Response:
    """What changed from one version to another, by source id."""
    (after,) = paging.key_of(cursor, paging.text)
    versions = {
        name: examples.find_version(served.target, served.settings, dataset, version)
        for name, version in (("base", base), ("other", other))
    }
    # What `latest` is may change between two questions.
    pair = (dataset, str(versions["base"]["version_id"]), str(versions["other"]["version_id"]))
    total = examples.diff_summary(served.target, served.settings, *pair)
    rows = examples.diff_page(served.target, served.settings, *pair, limit + 1, after)
    summary = {word: total[f"{word}_count"] for word in ("new", "changed", "deleted", "unchanged")}
    return answer({**versions, "summary": summary, **paging.page(rows, limit, "source_id")})


@router.get("/{dataset}/history", operation_id="example_history", summary="History of an example", response_model=Page[Event])
def history(
    served: Served,
    dataset: Dataset,
    source_id: Annotated[str, Query(min_length=1, max_length=1024, description="Which example.")],
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> Response:
    """What happened to one example, the newest first."""
    read = partial(examples.example_history, served.target, served.settings, dataset, source_id)
    return answer(paging.sized_page(read, limit, paging.key_of(cursor, paging.whole), "sequence"))


@router.post("/{dataset}/restore", operation_id="restore_version", summary="Restore a version", response_model=UpsertAnswer)
def restore(
    served: Served,
    caller: Asked,
    dataset: Dataset,
    body: Annotated[RestoreBody, json_body(RestoreBody)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make a version that holds what an earlier one held; none where nothing differs."""
    change = Change(
        mode="restore",
        expected_version_id=body.expected_version_id,
        dry_run=body.dry_run,
        description=body.description,
        metadata=written(body.metadata),
        request_key=idempotency_key,
        created_by=caller.created_by,
    )
    return answer(_upserted(examples.restore_version(served.target, served.settings, dataset, body.version, change)))


@router.get("/{dataset}/tags", operation_id="list_tags", summary="List tags", response_model=TagList)
def list_tags(served: Served, dataset: Dataset) -> Response:
    """The tags of a dataset, and the versions that they name."""
    return answer({"items": examples.list_tags(served.target, served.settings, dataset)})


TagName = Annotated[str, Path(min_length=1, max_length=255, description="A name of a version.", examples=["reviewed"])]


@router.put("/{dataset}/tags/{tag}", operation_id="tag_version", summary="Tag a version", response_model=Tag)
def tag_version(
    served: Served, caller: Asked, dataset: Dataset, tag: TagName, body: Annotated[TagBody, json_body(TagBody)]
) -> Response:
    """Give a tag to a version; another version that had it has it no more."""
    return answer(examples.tag_version(served.target, served.settings, dataset, tag, body.version, caller.created_by))


@router.delete(
    "/{dataset}/tags/{tag}", operation_id="untag_version", summary="Remove a tag", status_code=204, response_model=None
)
def untag_version(served: Served, dataset: Dataset, tag: TagName) -> Response:
    """Take a tag away; its version stays."""
    examples.untag_version(served.target, served.settings, dataset, tag)
    return Response(status_code=204)


def _either(name: str | None, dataset_id: UUID | None) -> str | None:
    """The name, where exactly one of name and id was given."""
    if (name is None) == (dataset_id is None):
        raise ArgumentInvalid(
            f"{'Neither name nor id was' if name is None else 'Both name and id were'} given; exactly one of them was expected."
        )
    return name


def _upserted(row: Row) -> dict[str, Any]:
    counts = {word: row[f"{word}_count"] for word in ("new", "changed", "unchanged", "deleted", "restored")}
    ids = ("dataset_id", "version_id", "previous_version_id", "created_dataset", "created_version")
    return {**{name: row[name] for name in ids}, "summary": counts}


def _blocks(every: Generator[Example, None, None]) -> Generator[bytes, None, None]:
    lines, size = [], 0
    for example in every:
        lines.append(example.as_line())
        size += len(lines[-1])
        if len(lines) >= _LINES or size >= _BLOCK_BYTES:
            yield b"".join(lines)
            lines, size = [], 0
    if lines:
        yield b"".join(lines)
