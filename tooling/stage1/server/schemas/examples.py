"""What requests and answers about versioned sets of examples look like."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from stage1.server.schemas.pages import Id, Metadata, Page, Time
from stage1.server.schemas.shapes import Shape, Uuid

Object = dict[str, Any]
Hash = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the canonical content (RFC 8785), in hexadecimal digits.")
]
SourceId = Annotated[
    str,
    Field(min_length=1, max_length=1024, description="What names the example in every version.", examples=["AAPL-2023-01-03"]),
]
Name = Annotated[str, Field(min_length=1, max_length=255, examples=["breakouts"])]
Selector = Annotated[
    str,
    Field(
        min_length=1, max_length=300, description="`latest`, an id, a number, tag:NAME or as-of:TIME.", examples=["tag:reviewed"]
    ),
]


class ExampleBody(Shape):
    """An example; or, without an input, the word that the dataset has the content of this hash already."""

    source_id: SourceId
    input: Object = Field(default_factory=dict, description="Left out only beside a content_hash.")
    output: Object = Field(default_factory=dict)
    metadata: Object = Field(default_factory=dict)
    content_hash: Hash | None = Field(None, description="Checked where it is given; the server computes its own.")


class ExampleReferenceBody(Shape):
    """An example by its hash."""

    source_id: SourceId
    content_hash: Hash


class VersionOptions(Shape):
    """What every request that may make a version can say."""

    expected_version_id: Uuid | None = Field(None, description="Refused with 409 unless this is the latest version.")
    dry_run: bool = Field(False, description="Say what would change, and write nothing.")
    description: str | None = Field(None, max_length=10_000, description="Why: it stays with the version.")
    metadata: Object = Field(default_factory=dict, description="About the version.")


class UpsertHead(VersionOptions):
    """An upsert without its examples, the first line of an NDJSON body. Exactly one of name and id."""

    name: Name | None = None
    id: Uuid | None = None
    mode: Literal["merge", "mirror"] = Field(description="What is sent is added or corrected; a mirror deletes the rest.")
    allow_empty: bool = Field(False, description="Let a mirror of nothing delete every example.")


class UpsertBody(UpsertHead):
    """An upsert: exactly one of name and id, and the examples."""

    examples: list[ExampleBody]


class PlanHead(Shape):
    """A plan without its examples, the first line of an NDJSON body. Exactly one of name and id."""

    name: Name | None = None
    id: Uuid | None = None
    mode: Literal["merge", "mirror"]
    expected_version_id: Uuid | None = None
    allow_empty: bool = False


class PlanBody(PlanHead):
    """A plan: exactly one of name and id, and the examples by their hashes."""

    examples: list[ExampleReferenceBody]


class RestoreBody(VersionOptions):
    """Which version is to be held again."""

    version: Selector


class TagBody(Shape):
    """Which version a tag is to name."""

    version: Selector = "latest"


class Summary(BaseModel):
    """How many examples an upsert met, by what became of them."""

    new: int
    changed: int
    unchanged: int
    deleted: int
    restored: int


class UpsertAnswer(BaseModel):
    """What an upsert or a restore did; of a dry run, what it would do."""

    dataset_id: Id | None = Field(description="Null where a dry run would make the dataset.")
    version_id: Id | None = Field(description="The latest version now; null where there is none.")
    previous_version_id: Id | None
    created_dataset: bool
    created_version: bool
    summary: Summary


class PlanAnswer(UpsertAnswer):
    """What an upsert would do, and the source ids whose content it needs."""

    needed: list[str]


class Version(BaseModel):
    """A version of a dataset: what it holds never changes."""

    dataset_id: Id
    dataset_slug: str
    version_id: Id
    sequence: int
    previous_version_id: Id | None
    created_at: Time
    created_by: str | None
    origin: Literal["merge", "mirror", "restore"]
    restored_from: Id | None
    description: str | None
    metadata: Metadata
    new_count: int
    changed_count: int
    unchanged_count: int
    deleted_count: int
    restored_count: int
    example_count: int
    tags: list[str]


class ExampleOfVersion(BaseModel):
    """An example as a version holds it."""

    source_id: str
    input: Object
    output: Object
    metadata: Object
    content_hash: Hash
    since_sequence: int = Field(description="The number of the version that brought this content.")


class ExamplePage(Page[ExampleOfVersion]):
    """Examples of a version, by source id."""

    version: Version


class Difference(BaseModel):
    """An example that differs between two versions."""

    source_id: str
    change: Literal["new", "changed", "deleted"]
    base_hash: Hash | None
    other_hash: Hash | None
    base_sequence: int | None
    other_sequence: int | None


class DiffSummary(BaseModel):
    """How many examples differ, and how."""

    new: int
    changed: int
    deleted: int
    unchanged: int


class DiffPage(Page[Difference]):
    """What changed from one version to another, by source id."""

    base: Version
    other: Version
    summary: DiffSummary


class Event(BaseModel):
    """What a version did to an example; a deleted one has no content."""

    sequence: int
    version_id: Id
    created_at: Time
    created_by: str | None
    kind: Literal["CREATE", "PATCH", "DELETE"]
    input: Object | None
    output: Object | None
    metadata: Object | None
    content_hash: Hash | None


class Tag(BaseModel):
    """A name of a version, which can be moved to another."""

    tag: str
    version_id: Id
    sequence: int
    updated_at: Time
    updated_by: str | None


class TagList(BaseModel):
    """The tags of a dataset."""

    items: list[Tag]
