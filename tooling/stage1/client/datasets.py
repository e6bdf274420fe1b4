"""A version of a dataset of examples, as Python sees it.

Owns `Dataset`: which version it is, its examples, its history and its differences. What it holds never changes: a later upsert
makes another version, and another `Dataset`. Reads through the requests of its client. Numbers in examples are ints and floats
as their canonical form reads: 2.0 comes back as 2.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stage1.client.answers import CutAnswer
from stage1.client.requests import Requests
from stage1.client.transport import segment
from stage1.errors import ArgumentInvalid, ExampleNotFound

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Example:
    """An example of a version."""

    source_id: str
    input: dict[str, Any]
    output: dict[str, Any]
    metadata: dict[str, Any]
    content_hash: str


@dataclass(frozen=True, slots=True)
class Summary:
    """How many examples an upsert met, by what became of them."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    restored: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Summary":
        """The counts of an answer; a newer server may count more."""
        return cls(**{each.name: counts[each.name] for each in fields(cls)})

    @property
    def differs(self) -> bool:
        """Whether a version was to be made."""
        return bool(self.new or self.changed or self.deleted or self.restored)

    def __str__(self) -> str:
        return (
            f"{self.new:,} new, {self.changed:,} changed, {self.unchanged:,} unchanged, {self.deleted:,} deleted, "
            f"{self.restored:,} restored"
        )


@dataclass
class Diff:
    """What changed from one version to another; iterating reads the examples that differ."""

    base: Mapping[str, Any]
    other: Mapping[str, Any]
    summary: Mapping[str, int]
    _pages: Iterator[Mapping[str, Any]] = field(repr=False)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return self._pages

    def to_frame(self) -> "pd.DataFrame":
        from stage1.client.frames import frame_of

        columns = ("source_id", "change", "base_hash", "other_hash", "base_sequence", "other_sequence")
        return frame_of(list(self), columns)


@dataclass(eq=False)
class Dataset:
    """A version of a dataset; of an upsert, what it did besides.

    `len(dataset)` is the number of examples, iterating reads them as they come, ordered by source id.
    """

    _requests: Requests = field(repr=False)
    dataset_id: str | None
    version_id: str | None
    previous_version_id: str | None = None
    created_version: bool = False
    created_dataset: bool = False
    dry_run: bool = False
    summary: Summary | None = None
    _name: str | None = field(default=None, repr=False)
    _version: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def version(self) -> Mapping[str, Any]:
        """All that the server knows of the version; asked for when it is wanted first."""
        if self._version is None:
            self._version = version_of(self._requests, *self._address())
        return self._version

    @property
    def name(self) -> str:
        return self._name or str(self.version["dataset_slug"])

    @property
    def sequence(self) -> int:
        """The number of the version, counted from 1 within the dataset."""
        return int(self.version["sequence"])

    @property
    def tags(self) -> list[str]:
        """The tags of the version when it was looked at."""
        return list(self.version["tags"])

    def __len__(self) -> int:
        return int(self.version["example_count"])

    def __bool__(self) -> bool:
        return True  # also where it holds nothing: to ask costs a request

    def __iter__(self) -> Iterator[Example]:
        dataset, version = self._address()
        path = f"/v1/datasets/{segment(dataset)}/examples"
        seen = before = 0
        while True:
            try:
                for line in islice(self._requests.lines(path, {"version": version}), seen, None):
                    seen += 1
                    yield example_in(line)
                return
            except CutAnswer:
                # Whoever takes his time over each example is cut off by the server. A version never changes: what was seen is
                # passed over. Without any progress nothing would come of it.
                if seen == before:
                    raise
                before = seen

    def example(self, source_id: str) -> Example:
        """The example of that source id in this version."""
        for event in self.history(source_id):
            if event["sequence"] <= self.sequence:
                if event["kind"] == "DELETE":
                    break
                return example_in({**event, "source_id": source_id})
        raise ExampleNotFound(
            f"Version {self.sequence} of {self.name} has no example of the source id {source_id!r}.",
            hint="history(source_id) says in which versions it was there.",
        )

    def to_frame(self) -> "pd.DataFrame":
        """The examples as a DataFrame: source_id is its index, the columns are named input.x, output.y, metadata.z."""
        from stage1.client.frames import examples_frame

        return examples_frame(self)

    def history(self, source_id: str) -> Iterator[dict[str, Any]]:
        """What happened to an example, the newest first, in all versions."""
        return history(self._requests, self._address()[0], source_id)

    def versions(self) -> Iterator[dict[str, Any]]:
        """The versions of the dataset, the newest first."""
        return versions(self._requests, self._address()[0])

    def diff(self, other: "Dataset | str | int") -> Diff:
        """What changed from this version to another one."""
        dataset, version = self._address()
        return diff(self._requests, dataset, version, other.version_id if isinstance(other, Dataset) else other)

    def tag(self, name: str) -> None:
        """Names this version; a tag of another version is moved here."""
        dataset, version = self._address()
        self._requests.write("PUT", f"/v1/datasets/{segment(dataset)}/tags/{segment(name)}", {"version": version}, is_safe=True)
        self._version = None  # its tags are others now

    def _address(self) -> tuple[str, str]:
        if self.dataset_id is None or self.version_id is None:
            raise ArgumentInvalid(
                "The dataset has no version yet: it was planned (dry_run=True), or nothing was put into it.",
                hint="Upsert without dry_run.",
            )
        return self.dataset_id, self.version_id


def dataset_at(requests: Requests, dataset: str, version: str) -> Dataset:
    """A version of a dataset."""
    found = version_of(requests, dataset, version)
    return Dataset(
        requests,
        str(found["dataset_id"]),
        str(found["version_id"]),
        found["previous_version_id"],
        _name=str(found["dataset_slug"]),
        _version=found,
    )


def version_of(requests: Requests, dataset: str, version: str) -> Mapping[str, Any]:
    return requests.read(f"/v1/datasets/{segment(dataset)}/versions/{segment(version)}", "version_id")


def versions(requests: Requests, dataset: str) -> Iterator[dict[str, Any]]:
    return requests.pages(f"/v1/datasets/{segment(dataset)}/versions", {"limit": _PAGE})


def history(requests: Requests, dataset: str, source_id: str) -> Iterator[dict[str, Any]]:
    return requests.pages(f"/v1/datasets/{segment(dataset)}/history", {"source_id": source_id, "limit": _PAGE})


def diff(requests: Requests, dataset: str, base: object, other: object) -> Diff:
    query = {"base": selector(version=base), "other": selector(version=other), "limit": _PAGE}
    first, rest = requests.first_page(f"/v1/datasets/{segment(dataset)}/diff", query)
    return Diff(first["base"], first["other"], first["summary"], rest)


def example_in(row: Mapping[str, Any]) -> Example:
    """An example of a row that the server gave."""
    return Example(row["source_id"], row["input"], row["output"], row["metadata"], row["content_hash"])


def selector(version: object = None, tag: str | None = None, as_of: object = None) -> str:
    """The one text by which a version is chosen; the latest where nothing is said."""
    given = [each for each in (version, tag, as_of) if each is not None]
    if len(given) > 1:
        raise ArgumentInvalid("version, tag and as_of each choose a version; say one of them.")
    if tag is not None:
        return f"tag:{tag}"
    if as_of is not None:
        return f"as-of:{moment_text(as_of)}"
    if version is None:
        return "latest"
    if isinstance(version, bool) or not isinstance(version, int | str | UUID) or not str(version):
        raise ArgumentInvalid(f"version was {version!r}; a number, an id, 'latest', 'tag:NAME' or 'as-of:TIME' was expected.")
    return str(version)


def moment_text(moment: object) -> str:
    """A moment as the server reads it; without an offset it is UTC."""
    found = moment
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found)
        except ValueError:
            raise ArgumentInvalid(f"{moment!r} is no time; one like 2023-01-03T14:30:00Z was expected.") from None
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day, tzinfo=UTC)
    if not isinstance(found, datetime) or found != found:  # pandas' NaT is equal to nothing
        raise ArgumentInvalid(f"{moment!r} is no time; a datetime, a date or ISO 8601 text was expected.")
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    except OverflowError:
        raise ArgumentInvalid(f"{moment!r} is no time between the years 1 and 9999 in UTC.") from None
