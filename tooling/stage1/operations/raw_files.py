"""What there is of a raw file: proven, adopted if somebody else put it there, and never taken for what it is not.

Owns the look at what lies in its place before anything is asked of the vendor, and where else its records may be. May import
model and adapters, those when there is something to read. Refuses a file of another vendor dataset, symbol, schema or range, and
one that is damaged: it is paid for, so that nobody but a person removes it. So is what an unfinished fetch has brought.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stage1 import faults
from stage1.errors import FileDamaged, FileUnusable, RawFileConflict, Stage1Error
from stage1.model.dataset_manifests import PARTIAL, READY
from stage1.model.periods import Period
from stage1.operations import known_files
from stage1.operations.data_folder import DataFolder
from stage1.operations.fetch_records import Plan, Record, Wanted, read_plan, read_record, write_record

_PLAN = "plan.json"


@dataclass(frozen=True)
class Place:
    """Where a raw file and what belongs to it lie."""

    file: Path

    @property
    def record(self) -> Path:
        """What is written down of it."""
        return self.file.with_name(f"{self._stem}.json")

    @property
    def segments(self) -> Path:
        """The folder of its segments, while there are any."""
        return self.file.with_name(f"{self._stem}.segments")

    @property
    def plan(self) -> Path:
        """What is to be done."""
        return self.segments / _PLAN

    @property
    def _stem(self) -> str:
        return self.file.name.partition(".")[0]


def source_of(data: DataFolder, symbol: str, period: Period, product: str) -> Path:
    """The raw file that a period is derived from: its own, or for a part of a year that of the year, if it has those days."""
    own = data.raw_file(symbol, period, product)
    if period.is_year or own.exists():
        return own
    whole = data.raw_file(symbol, Period.year(period.first.year), product)
    record = read_record(Place(whole).record)
    covers = record is not None and record.start <= period.start and record.end >= period.end
    return whole if covers and (whole.exists() or whole.is_symlink()) else own


def holder_of(data: DataFolder, wanted: Wanted, start: datetime, end: datetime) -> Path | None:
    """A raw file of another period of the symbol, untouched since it was fetched, that has these records: they are paid for."""
    own = data.raw_file(wanted.symbol, wanted.period, wanted.product)
    for path in sorted(own.parent.parent.glob(f"*/{own.name}")):
        record = read_record(Place(path).record)
        if (
            path != own
            and record is not None
            and record.wanted.request == wanted.request
            and record.start <= start
            and record.end >= end
            and known_files.is_known(path, record.sha256)
        ):
            return path
    return None


@dataclass(frozen=True)
class Found:
    """What there is: the file's hash, its record, whether it was adopted just now, and a plan that was not finished.

    `unfinished` is such a plan of something else, of another vendor dataset for example: what it has brought is paid for.
    """

    sha256: str | None = None
    record: Record | None = None
    adopted: bool = False
    plan: Plan | None = None
    unfinished: Plan | None = None


def look(place: Place, wanted: Wanted, *, keep: bool, force: bool) -> Found:
    """Looks at a raw file; `keep` says whether what is found out may be written down, `force` that it is to be replaced."""
    _require_no_loose_link(place.file)
    record, plan, unfinished = read_record(place.record), read_plan(place.plan), None
    sha256 = _hash(place, record, keep=keep) if place.file.exists() else None
    if plan is not None and plan.base_sha256 != sha256:
        plan = None  # it was carried out, or another file was put there since
    if plan is not None and plan.wanted != wanted:
        plan, unfinished = None, plan
    if sha256 is None:
        return Found(plan=plan, unfinished=unfinished)
    if force:
        return Found(sha256, record, plan=plan, unfinished=unfinished)
    # A run that was killed when it had written the record and not yet renamed the file left a plan as well.
    if record is not None and (record.sha256 == sha256 or plan is not None):
        _require_same(place, record.wanted, wanted)
        return Found(sha256, record, plan=plan, unfinished=unfinished)
    seen = place.file.stat()
    adopted = _adopted(place, wanted)
    if keep:
        write_record(place.record, adopted)
        known_files.remember(place.file, adopted.sha256, seen)
    return Found(sha256, adopted, adopted=True, plan=plan, unfinished=unfinished)


def require_finished(place: Place, found: Found) -> None:
    """Refuses to begin something else where a fetch was not finished: its segments would be lost."""
    other = found.unfinished
    if other is None:
        return
    wanted = other.wanted
    raise RawFileConflict(
        f"{place.segments} holds what an unfinished fetch of {wanted.name} ({wanted.dataset}, {wanted.stype_in}) has paid for.",
        hint=f"Finish it with --dataset {wanted.dataset} --stype-in {wanted.stype_in}, or replace it with --force.",
    )


def own_request(place: Place) -> tuple[str, str] | None:
    """The vendor dataset and the kind of symbol of a raw file that is there, or that is being fetched."""
    record = read_record(place.record)
    if record is not None:
        return record.wanted.dataset, record.wanted.stype_in
    if not place.file.exists():
        plan = read_plan(place.plan)
        return None if plan is None else (plan.wanted.dataset, plan.wanted.stype_in)
    from stage1.adapters.databento.dbn_file import open_dbn

    with suppress(Stage1Error), open_dbn(place.file) as file:
        return file.header.dataset, file.header.stype_in or "raw_symbol"
    return None  # what is wrong with it is said when it is looked at


def _hash(place: Place, record: Record | None, *, keep: bool) -> str:
    if record is not None and known_files.is_known(place.file, record.sha256):
        return record.sha256
    from stage1.adapters.databento.whole_file import sha256_of

    seen = place.file.stat()
    sha256, _ = sha256_of(place.file)
    if record is not None and record.sha256 == sha256 and keep:
        known_files.remember(place.file, sha256, seen)
    return sha256


def _require_no_loose_link(file: Path) -> None:
    """Refuses to take a file for absent, and to pay for it, that lies on a disk which is not there at this moment."""
    if file.is_symlink() and not file.exists():
        raise FileUnusable(
            f"{file} is a link to {file.readlink()}, which is not there.",
            hint="Bring back what it points to, such as a disk, or remove the link: then it is fetched, which costs money.",
        )


def _require_same(place: Place, held: Wanted, wanted: Wanted) -> None:
    for what, own, other in (
        ("vendor dataset", held.dataset, wanted.dataset),
        ("symbol", held.symbol, wanted.symbol),
        ("kind of symbol (stype_in)", held.stype_in, wanted.stype_in),
        ("schema", held.schema, wanted.schema),
        ("period", held.period.name, wanted.period.name),
    ):
        if own != other:
            raise RawFileConflict(
                f"{place.file} is of the {what} {own}; {other} was asked for.",
                hint="Ask for what it is, keep the other one in another STAGE1_DATA, or replace it with --force.",
            )


def _adopted(place: Place, wanted: Wanted) -> Record:
    """The record of a file that somebody put there: proven whole, and of what is asked for."""
    from stage1.adapters.databento.arriving_file import Expected, prove
    from stage1.adapters.databento.header import Header
    from stage1.adapters.databento.layouts import BY_SCHEMA

    def check(header: Header) -> None:
        symbols = " ".join(header.symbols)
        _require_same(
            place,
            Wanted(
                symbols, wanted.period, wanted.product, header.schema or "none", header.dataset, header.stype_in or "raw_symbol"
            ),
            wanted,
        )
        start, end = moment_of(header.start_ns), None if header.end_ns is None else moment_of(header.end_ns)
        if end is None or start < wanted.period.start or end > wanted.period.end or header.limit is not None:
            limited = f" and a limit of {header.limit:,} records" if header.limit is not None else ""
            raise RawFileConflict(
                f"{place.file} is of the range from {start:%Y-%m-%d %H:%M} until {end or 'no end'}{limited};"
                f" all of {wanted.period.first} until {wanted.period.until}, or a part of it, was expected.",
                hint="Move it away, or replace it with --force.",
            )

    with _told_what_to_do():
        proven = prove(place.file, Expected(BY_SCHEMA[wanted.schema], None, None, check))
    start, end = moment_of(proven.header.start_ns), moment_of(proven.header.end_ns or 0)
    return Record(
        wanted=wanted,
        start=start,
        end=end,
        status=status_of(wanted, start, end),
        sha256=proven.sha256,
        bytes=proven.bytes,
        records=proven.records,
        origin="adopted",
        partial=proven.header.partial,
        conditions=(),
    )


def clear(place: Place) -> None:
    """Takes away what a fetch has left behind that is done."""
    if place.segments.is_dir():
        place.plan.unlink(missing_ok=True)
        faults.reach("fetch: plan removed")
        shutil.rmtree(place.segments)


def status_of(wanted: Wanted, start: datetime, end: datetime) -> str:
    """Whether a file of that range is all of its period."""
    return READY if start <= wanted.period.start and end >= wanted.period.end else PARTIAL


def moment_of(ns: int) -> datetime:
    """A moment of a header; its part of a microsecond is not kept, which no range has."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)


@contextmanager
def _told_what_to_do() -> Iterator[None]:
    try:
        yield
    except FileDamaged as problem:
        raise FileDamaged(
            problem.message,
            detail=problem.detail,
            hint="Move it away, or fetch it again with --force, which costs money.",
        ) from problem
