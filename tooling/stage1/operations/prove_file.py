"""Proves a file before anything is written: whole, of one-minute bars, the announced one, and every row right.

Owns the order of the proof, what of a file is loaded, and the second reading that hands it out. May import model and
adapters, never the database: a proof needs none. Refuses a file with the error of what is wrong first, structure before rows.
"""

import dataclasses
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stage1.adapters.databento import batch_folder
from stage1.adapters.databento.dbn_file import bars_of, open_dbn
from stage1.adapters.databento.header import Header, require_schema
from stage1.adapters.databento.layouts import BARS
from stage1.adapters.databento.symbology import Resolver
from stage1.adapters.databento.whole_file import sha256_of
from stage1.errors import CountMismatch, FileChanged, FileDamaged, Stage1Error, SymbolUnknown, WrongSchema
from stage1.model.bar_batches import Batch
from stage1.model.bar_checks import Checked, Checker
from stage1.model.bar_gaps import Gaps
from stage1.model.bar_minutes import by_symbol
from stage1.model.bar_rejects import REASONS, Reason, RejectedRow, moment
from stage1.model.bars import UNDEFINED_TIME, UNMAPPED, Bars, SymbolSpan
from stage1.model.some_of import some_of
from stage1.operations import prove_refusals
from stage1.operations.ingest_options import IngestOptions
from stage1.operations.read_ahead import read_ahead

CHUNK = 65_536  # records
LAST_NS = 9_214_646_400_000_000_000  # 2262: the last whole year that nanoseconds in 64 bits reach is the one before

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Reading:
    """Which records of the file are meant, and which symbol each of them is of."""

    def __init__(self, options: IngestOptions, header: Header, resolver: Resolver) -> None:
        self._options, self._header, self._resolver = options, header, resolver
        self.names = resolver.names

    def bars(self, records: NDArray[Any], position: int) -> Bars:
        """The bars that are meant among these records, the first of which has this position."""
        if self._options.publisher is None:
            return bars_of(records, position, self._codes(records))
        meant = records["publisher_id"] == self._options.publisher
        codes = np.full(len(records), UNMAPPED, np.int32)
        codes[meant] = self._codes(records[meant])
        return bars_of(records, position, codes).take(meant)

    def _codes(self, records: NDArray[Any]) -> NDArray[np.int32]:
        if self._options.symbol is None:
            return self._resolver.codes(records["instrument_id"], records["ts_event"])
        # A record whose time is wrong would seem to be of an instrument that has no symbol on its day.
        ts = records["ts_event"]
        until = UNDEFINED_TIME if self._header.end_ns is None else self._header.end_ns
        inside = records[(ts >= self._header.start_ns) & (ts < until)]
        self._resolver.codes(inside["instrument_id"], inside["ts_event"])
        return np.zeros(len(records), np.int32)

    def require_one_instrument(self, path: Path) -> None:
        """Refuses one label for what the file knows as several."""
        labelled = self._resolver.labelled if self._options.symbol is not None else ()
        if len(labelled) > 1:
            raise prove_refusals.several_instruments(path, self._options, labelled)


@dataclass(frozen=True)
class ProvenFile:
    """A file that may be loaded. Counts are of what is loaded, except `records`, which is all that the file has."""

    path: Path
    sha256: str
    bytes: int
    records: int
    dataset: str
    spans: tuple[SymbolSpan, ...]
    row_count: int
    first: datetime
    last: datetime
    rejected_count: int
    rejected: Mapping[Reason, int]
    other_publishers: int  # rows that were passed over because of --publisher
    warnings: tuple[str, ...]
    gaps: Gaps
    names: tuple[str, ...]  # what the codes of the bars mean
    whole: bool  # without --limit
    vendor: str = "databento"
    origin: str = "vendor"
    _options: IngestOptions = field(kw_only=True, repr=False)
    _reading: _Reading = field(kw_only=True, repr=False)
    _checked: Checked = field(kw_only=True, repr=False)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that there are bars of."""
        return tuple(span.symbol for span in self.spans)

    @property
    def count(self) -> int:
        """How many bars and rejected records the batches have."""
        return self.row_count + self.rejected_count

    def exchanged(self) -> FileChanged | None:
        """Whether another file lies in its place by now."""
        try:
            same = sha256_of(self.path)[0] == self.sha256
        except Stage1Error:
            same = False
        return None if same else FileChanged(f"{self.path} is not the file any more that was proven.", hint="Load it again.")

    def details(self) -> dict[str, Any]:
        """What the audit row keeps beside its columns, as JSON has it."""
        gaps = dataclasses.asdict(self.gaps)
        if self.gaps.longest is not None:
            longest = self.gaps.longest
            gaps["longest"] |= {"start": longest.start.isoformat(), "until": longest.until.isoformat()}
        return {
            "records": self.records,
            "other_publishers": self.other_publishers,
            "rejected": {reason.value: count for reason, count in self.rejected.items()},
            "gaps": gaps,
        }

    def batches(self) -> Generator[Batch, None, None]:
        """Reads the file again. Ends normally only if it was, to the last byte, the file that was proven."""
        position = 0
        try:
            with open_dbn(self.path) as file:
                for records in file.chunks(CHUNK):
                    batch = self._batch(_limited(records, position, self._options.limit), position)
                    position += len(records)
                    if len(batch.bars) or batch.rejected:
                        yield batch
                if (file.sha256, position) != (self.sha256, self.records):
                    raise prove_refusals.changed(self.path, self._options, self.sha256, file.sha256)
        except (FileDamaged, WrongSchema, SymbolUnknown) as problem:
            raise prove_refusals.changed(self.path, self._options, self.sha256, problem.message) from problem

    def _batch(self, records: NDArray[Any], position: int) -> Batch:
        bars = self._reading.bars(records, position)
        low, high = np.searchsorted(self._checked.rejected, (position, position + len(records)))
        refused: tuple[RejectedRow, ...] = ()
        if low < high:
            is_refused = np.isin(bars.position, self._checked.rejected[low:high], assume_unique=True)
            refused = tuple(self._refused(bars.take(is_refused), records, position, self._checked.reasons[low:high]))
            bars = bars.take(~is_refused)
        if (bars.symbol[1:] < bars.symbol[:-1]).any():
            bars = bars.take(by_symbol(bars.symbol))
        return Batch(bars, refused)

    def _refused(self, bars: Bars, records: NDArray[Any], position: int, reasons: NDArray[np.uint8]) -> Iterator[RejectedRow]:
        for at, code, ts, reason in zip(
            bars.position.tolist(), bars.symbol.tolist(), bars.ts.tolist(), reasons.tolist(), strict=True
        ):
            yield RejectedRow(
                at,
                REASONS[reason].value,
                self.names[code] if code >= 0 else None,
                None if ts == UNDEFINED_TIME else moment(ts),
                records[at - position].tobytes(),
            )


class _FirstReading:
    """Looks at the rows while the structure is proven; keeps the first problem with symbols until that is done."""

    def __init__(self, path: Path, options: IngestOptions, header: Header, now: datetime) -> None:
        self.records = 0
        self.meant = 0
        self.looked_at = 0
        self.publishers: set[int] = set()
        self._options = options
        self._problem: Stage1Error | None = None
        try:
            # A file that knows its symbols knows them better than what happens to lie beside it.
            symbology = options.symbology if header.mappings else options.symbology_of(path)
            self.reading = _Reading(options, header, Resolver(header, symbology, options.symbol))
            until = None if header.end_ns is None else min(header.end_ns, LAST_NS)
            self.checker = Checker(self.reading.names, header.start_ns, until, (now - _EPOCH) // timedelta(microseconds=1) * 1000)
        except Stage1Error as problem:
            self._problem = problem

    def look_at(self, records: NDArray[Any]) -> None:
        position, self.records = self.records, self.records + len(records)
        records = _limited(records, position, self._options.limit)
        if not len(records) or self._problem is not None:
            return
        bars = self.reading.bars(records, position)
        self.looked_at += len(records)
        self.meant += len(bars)
        publishers = records["publisher_id"]
        alike = (publishers == publishers[0]).all()
        self.publishers.update([int(publishers[0])] if alike else np.flatnonzero(np.bincount(publishers)).tolist())
        self.checker.look_at(bars)

    def require_no_problem(self) -> None:
        if self._problem is not None:
            raise self._problem


def is_as_announced(path: Path, options: IngestOptions, sha256: str, size: int) -> bool:
    """Whether a file, known by its bytes alone, is the one that was announced: nobody gave a count, which takes a proof."""
    try:
        told = batch_folder.announced(path)
    except CountMismatch:
        return False
    counted = options.expect_records is not None or told.records is not None
    return not counted and told.sha256 in (None, sha256) and told.size in (None, size)


def prove(path: Path, options: IngestOptions, now: datetime, progress: Callable[[int], None] | None = None) -> ProvenFile:
    """Reads the whole file once; `progress` is told how many records were read."""
    with open_dbn(path) as file:
        header = file.header
        require_schema(header, BARS)
        rows = _FirstReading(path, options, header, now)
        with read_ahead(file.chunks(CHUNK)) as chunks:
            for records in chunks:
                rows.look_at(records)
                if progress is not None:
                    progress(rows.records)
        sha256, size = file.sha256, file.bytes
    told = batch_folder.announced(path)
    batch_folder.check(told, path, sha256, size, rows.records)
    if options.expect_records not in (None, rows.records):
        raise prove_refusals.other_count(path, options, rows.records)
    rows.require_no_problem()
    prove_refusals.require_rows(path, options, rows.records, rows.meant, rows.publishers)
    rows.reading.require_one_instrument(path)
    checked = rows.checker.result()
    prove_refusals.require_right_rows(path, options, checked, rows.meant, rows.publishers)
    first, last = checked.first, checked.last
    assert first is not None and last is not None  # noqa: S101 - rows were accepted
    others = rows.looked_at - rows.meant
    count_is_known = told.records is not None or options.expect_records is not None
    return ProvenFile(
        path=path,
        sha256=sha256,
        bytes=size,
        records=rows.records,
        dataset=options.dataset or header.dataset,
        spans=checked.spans,
        row_count=checked.accepted,
        first=first,
        last=last,
        rejected_count=rows.meant - checked.accepted,
        rejected=checked.counts,
        other_publishers=others,
        warnings=tuple(_warnings(header, options, rows.records, others, count_is_known=count_is_known)),
        gaps=checked.gaps,
        names=rows.reading.names,
        whole=options.limit is None,
        _options=options,
        _reading=rows.reading,
        _checked=checked,
    )


def _limited(records: NDArray[Any], position: int, limit: int | None) -> NDArray[Any]:
    return records if limit is None else records[: max(limit - position, 0)]


def _warnings(header: Header, options: IngestOptions, records: int, others: int, *, count_is_known: bool) -> Iterator[str]:
    if header.limit == records and not count_is_known:
        yield (
            f"The request was limited to {header.limit:,} records, and the file has as many: there may have been more."
            " If that is all, --expect-records says so."
        )
    for what, symbols in (("did not find", header.not_found), ("found only on some of the days", header.partial)):
        if symbols:
            yield f"The vendor {what}: {some_of(symbols)}."
    if options.limit is not None:
        yield f"Only the first {min(options.limit, records):,} of {records:,} records are loaded, because of --limit."
    if others:
        yield f"{others:,} rows of other publishers are passed over, because of --publisher {options.publisher}."
