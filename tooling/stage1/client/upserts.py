"""Examples into a dataset: hashed here, so that only what the server has not is sent.

Owns the order of the requests. Small sets and new datasets go at once, whole. For others the server is first asked, by ids and
hashes, which bodies it needs; where it needs none that is all. A dataset that changes between the two requests is planned for
again, a few times, and then sent whole. Refuses, before anything is sent, rows that are no examples and ids that are given twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stage1.client.datasets import Dataset, Summary
from stage1.client.example_spool import ExampleSpool
from stage1.client.problems import Refused
from stage1.client.requests import Requests, new_key
from stage1.client.rows import RowForm, count_of, examples_of, object_of
from stage1.client.transport import segment
from stage1.errors import ArgumentInvalid, BodyMissing, VersionConflict

Mode = Literal["merge", "mirror"]
Progress = Callable[[str, int, int | None], None]

_PLANS_FROM = 500  # examples; below, a second request costs more than it saves
_PLANS = 3
_PLAN = "/v1/datasets/upsert/plan"
_UPSERT = "/v1/datasets/upsert"


@dataclass(frozen=True)
class Upsert:
    """What a caller wants done with the examples."""

    name: str | None
    id: str | None
    mode: Mode
    expected_version_id: str | None = None
    dry_run: bool = False
    allow_empty: bool = False
    description: str | None = None
    metadata: Mapping[str, Any] | None = None
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if (self.name is None) == (self.id is None):
            raise ArgumentInvalid("Exactly one of name and id says which dataset is meant.")
        if self.mode not in ("merge", "mirror"):
            raise ArgumentInvalid(
                f"mode was {self.mode!r}; 'merge' or 'mirror' was expected.",
                hint="Merge adds and corrects, mirror deletes what is not given, too.",
            )

    def plan_request(self) -> dict[str, Any]:
        """What a plan is asked for."""
        selected = {"name": self.name} if self.id is None else {"id": self.id}
        expected = {} if self.expected_version_id is None else {"expected_version_id": self.expected_version_id}
        return {**selected, "mode": self.mode, **expected}

    def request(self) -> dict[str, Any]:
        """The upsert without its examples."""
        said = {"description": self.description} if self.description is not None else {}
        about = {"metadata": object_of(self.metadata, "metadata")} if self.metadata else {}
        flags = {name: True for name in ("dry_run", "allow_empty") if getattr(self, name)}
        return {**self.plan_request(), **said, **about, **flags}

    def note(self, what: str, done: int, total: int | None) -> None:
        if self.progress:
            self.progress(what, done, total)


def upsert(requests: Requests, wanted: Upsert, rows: Any, form: RowForm) -> Dataset:
    """Does it, and gives the version that the dataset is at then."""
    request, key = wanted.request(), new_key()
    total = count_of(rows)
    with ExampleSpool() as spool:
        # Asked first where there is much to hash: an unknown token or a dataset of another kind is known before.
        is_there = wanted.id is not None or (total is not None and total < _PLANS_FROM) or _is_there(requests, wanted)
        spool.fill(examples_of(rows, form), lambda done: wanted.note("hashed", done, total))
        if len(spool) and (wanted.dry_run or (is_there and len(spool) >= _PLANS_FROM)):
            for _ in range(_PLANS):
                answer = requests.write("POST", _PLAN, spool.plan(wanted.plan_request()), has="summary", is_safe=True)
                summary = Summary.of(answer["summary"])
                if wanted.dry_run or not summary.differs:
                    wanted.note("sent", 0, 0)
                    return _dataset(requests, wanted, {**answer, "created_version": False}, summary)
                try:
                    return _sent(requests, wanted, spool, request, answer, key)
                except VersionConflict:
                    if wanted.expected_version_id is not None:
                        raise
                except BodyMissing:
                    pass
        answer = requests.write("POST", _UPSERT, spool.all_of_them(request), has="summary", is_safe=True, key=key)
        wanted.note("sent", len(spool), len(spool))
        return _dataset(requests, wanted, answer, Summary.of(answer["summary"]))


def _sent(
    requests: Requests, wanted: Upsert, spool: ExampleSpool, request: dict[str, Any], plan: Mapping[str, Any], key: str
) -> Dataset:
    needed = plan["needed"]
    is_mirror = wanted.mode == "mirror"
    # A merge sends nothing of what is unchanged: that nobody changes it meanwhile is what the expected version is for. A mirror
    # names it by its hash, since what is not named is deleted.
    guard = {} if is_mirror or not plan["version_id"] else {"expected_version_id": plan["version_id"]}
    body = spool.some_of_them({**request, **guard}, needed, with_hashes=is_mirror)
    answer = requests.write("POST", _UPSERT, body, has="summary", is_safe=True, key=key)
    wanted.note("sent", len(needed), len(needed))
    summary = Summary.of(answer["summary"])
    if not is_mirror:
        unchanged = len(spool) - summary.new - summary.changed - summary.restored
        summary = Summary(summary.new, summary.changed, unchanged, summary.deleted, summary.restored)
    return _dataset(requests, wanted, answer, summary)


def _is_there(requests: Requests, wanted: Upsert) -> bool:
    try:
        requests.read(f"/v1/datasets/{segment(wanted.name or '')}", "dataset_slug")
    except Refused as refused:
        # A name that no address can hold (it has a slash) is sent whole, too: what is there is not asked for.
        if refused.status != 404:
            raise
        return False
    return True


def dataset_of(
    requests: Requests, answer: Mapping[str, Any], *, is_dry_run: bool, name: str | None = None, summary: Summary | None = None
) -> Dataset:
    """The version that an answer to an upsert or a restore names."""
    return Dataset(
        requests,
        answer["dataset_id"],
        answer["version_id"],
        answer.get("previous_version_id"),
        created_version=answer["created_version"] and not is_dry_run,
        created_dataset=answer["created_dataset"] and not is_dry_run,
        dry_run=is_dry_run,
        summary=summary or Summary.of(answer["summary"]),
        _name=name,
    )


def _dataset(requests: Requests, wanted: Upsert, answer: Mapping[str, Any], summary: Summary) -> Dataset:
    return dataset_of(requests, answer, is_dry_run=wanted.dry_run, name=wanted.name, summary=summary)
