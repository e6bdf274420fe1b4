"""Trades and quotes out of the vendor's files: which records count, and of which minute each of them is.

Owns that rule (docs/explanation/derived-bars.md has the reasons), the figures of what was passed over and flagged, and the order
of the records. May import model, errors and its neighbours. Refuses files of other symbols, two instruments on a day, and
records whose ts_recv is undefined, outside of the header's range, or back in a minute that was left.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stage1.adapters.databento.dbn_file import DbnFile
from stage1.adapters.databento.header import Header
from stage1.errors import BadRows, SymbolUnknown
from stage1.model.bars import NANOSECONDS_A_MINUTE, UNDEFINED_PRICE, UNDEFINED_TIME
from stage1.model.minute_bars import minute_of
from stage1.model.periods import Period
from stage1.model.some_of import some_of

# Why a record does not count, in the order in which they are asked: a record has one reason.
OUTSIDE, NO_TRADE, NO_PRICE, NO_SIZE = "outside of the period", "not a trade", "undefined price", "size 0"
REASONS = (OUTSIDE, NO_TRADE, NO_PRICE, NO_SIZE)
FLAGS = {"bad_ts_recv": 8, "maybe_bad_book": 4}  # the vendor's doubts; such records count

_TRADE = ord("T")
_MINUTES_A_DAY = 1440
_EPOCH_DAY = date(1970, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ticks:
    """Records that count, one at least, in the order of the file: their minutes since 1970 ascend."""

    minute: NDArray[np.int64]
    records: NDArray[Any]

    def column(self, name: str) -> NDArray[Any]:
        """A field of the records, in one piece of memory."""
        return np.ascontiguousarray(self.records[name])


class TickReading:
    """Reads one file of one symbol; the figures are known when `ticks` has ended."""

    def __init__(self, file: DbnFile, symbol: str, period: Period) -> None:
        self.header: Header = file.header
        self._path = file.path
        self.records = 0
        self.counted = 0
        self.passed_over = dict.fromkeys(REASONS, 0)
        self.flagged = dict.fromkeys(FLAGS, 0)
        self.publishers: set[int] = set()
        self._symbol = symbol
        self._first, self._until = minute_of(period.start), minute_of(period.end)
        self._minute = -1  # the last one that was seen
        self._instruments: dict[int, int] = {}  # day since 1970 -> instrument id; the last day's alone
        self._known = {(each.instrument_id, each.first, each.until) for each in file.header.mappings}
        self._require_symbol()

    def ticks(self, chunks: Iterable[NDArray[Any]]) -> Iterator[Ticks]:
        """What counts among the records of the file, in parts."""
        for records in chunks:
            ts = np.ascontiguousarray(records["ts_recv"])
            self._require_range(ts)
            minutes = (ts // np.uint64(NANOSECONDS_A_MINUTE)).view(np.int64)
            self._require_order(minutes)
            self._require_one_instrument(records["instrument_id"], minutes)
            self.records += len(records)
            low, high = np.searchsorted(minutes, (self._first, self._until))
            self.passed_over[OUTSIDE] += len(records) - int(high - low)
            if low < high:
                ticks = self._counted(records[low:high], minutes[low:high])
                if len(ticks.minute):
                    yield ticks

    def figures(self) -> dict[str, Any]:
        """What was read, as a manifest has it."""
        return {
            "records": self.records,
            "counted": self.counted,
            "passed_over": self.passed_over,
            "flagged": self.flagged,
            "publishers": sorted(self.publishers),
        }

    def _counted(self, records: NDArray[Any], minutes: NDArray[np.int64]) -> Ticks:
        actions = records["action"].view(np.uint8)
        counts: NDArray[np.bool_] | None = None
        for reason, wrong in (
            (NO_TRADE, actions != _TRADE),
            (NO_PRICE, records["price"] == UNDEFINED_PRICE),
            (NO_SIZE, records["size"] == 0),
        ):
            if wrong.any():
                counts = np.ones(len(records), np.bool_) if counts is None else counts
                self.passed_over[reason] += int(np.count_nonzero(wrong & counts))
                counts &= ~wrong
        if counts is not None:
            records, minutes = records[counts], minutes[counts]
        if len(records):
            self.counted += len(records)
            doubts, publishers = records["flags"] & sum(FLAGS.values()), records["publisher_id"]
            if doubts.any():
                for name, bit in FLAGS.items():
                    self.flagged[name] += int(np.count_nonzero(doubts & bit))
            alike = (publishers == publishers[0]).all()
            self.publishers.update([int(publishers[0])] if alike else np.unique(publishers).tolist())
        return Ticks(minutes, records)

    # -- what is refused ----------------------------------------------------------------------------------------------

    def _require_symbol(self) -> None:
        if self.header.symbols == (self._symbol,):
            return
        raise SymbolUnknown(
            f"{self._path} holds {some_of(self.header.symbols, 3) if self.header.symbols else 'no named symbol'}.",
            detail=f"Expected the symbol {self._symbol} and no other, as its folder says.",
            hint="Move the file away, and run `stage1 fetch` for the symbol.",
        )

    def _require_range(self, ts: NDArray[np.uint64]) -> None:
        start, end = self.header.start_ns, self.header.end_ns
        until = UNDEFINED_TIME if end is None else end
        if int(ts.min()) >= start and int(ts.max()) < until:
            return
        at = int(np.argmax((ts < np.uint64(start)) | (ts >= np.uint64(until))))
        moment = int(ts[at])
        if moment == UNDEFINED_TIME:
            raise self._bad(at, "has no ts_recv", "the time at which the vendor received it")
        within = f"a time from {_text(start)}" + ("" if end is None else f" until before {_text(end)}")
        raise self._bad(at, f"has the ts_recv {_text(moment)}", f"{within}, as the header says")

    def _require_order(self, minutes: NDArray[np.int64]) -> None:
        back = minutes[1:] < minutes[:-1]
        if minutes[0] < self._minute:
            at, before = 0, self._minute
        elif back.any():
            at = int(np.argmax(back)) + 1
            before = int(minutes[at - 1])
        else:
            self._minute = int(minutes[-1])
            return
        found, left = (_text(int(minute) * NANOSECONDS_A_MINUTE) for minute in (minutes[at], before))
        raise self._bad(at, f"goes back to the minute {found}", f"records sorted by ts_recv: the minute {left} was reached")

    def _require_one_instrument(self, ids: NDArray[np.uint32], minutes: NDArray[np.int64]) -> None:
        changes = [] if (ids == ids[0]).all() else (np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist()
        starts = [0, *changes]
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            number = int(ids[start])
            first, last = int(minutes[start]) // _MINUTES_A_DAY, int(minutes[end - 1]) // _MINUTES_A_DAY
            held = self._instruments.get(first, number)
            if held != number:
                day = _EPOCH_DAY + timedelta(days=first)
                raise SymbolUnknown(
                    f"{self._path} has two instruments on {day}: {held} and {number}, with record {self.records + start:,}"
                    " (the first is 0).",
                    detail="Expected one a day: bars of two instruments cannot be one series.",
                    hint="A parent symbol has many; fetch one of them, or a continuous symbol such as ES.c.0.",
                )
            self._require_mapped(number, minutes[start:end], start)
            self._instruments = {last: number}

    def _require_mapped(self, number: int, minutes: NDArray[np.int64], at: int) -> None:
        """Each day that has a record, and no other, has to be one that the header knows: it may know none of a weekend."""
        first, last = (int(minutes[edge]) // _MINUTES_A_DAY for edge in (0, -1))
        if not self._known or (first == last and self._instruments.get(first) == number):
            return
        days = [first] if first == last else np.unique(minutes // _MINUTES_A_DAY).tolist()
        for day in (_EPOCH_DAY + timedelta(days=each) for each in days):
            if not any(known == number and start <= day < until for known, start, until in self._known):
                raise SymbolUnknown(
                    f"{self._path} has the instrument {number} on {day}, among its records from number {self.records + at:,} on.",
                    detail=f"Expected the instrument that the header says {self._symbol} is on that day.",
                    hint="Its records and its header do not belong together: fetch it again.",
                )

    def _bad(self, at: int, found: str, expected: str) -> BadRows:
        return BadRows(
            f"{self._path}: record {self.records + at:,} (the first is 0) {found}.",
            detail=f"Expected {expected}.",
            hint="It may be damaged: fetch it again; if it is the same, tell the vendor.",
        )


def _text(moment: int) -> str:
    seconds, rest = divmod(moment, 1_000_000_000)
    try:
        return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
    except OverflowError:
        return f"{moment} ns"
