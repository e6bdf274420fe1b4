"""Reads raw files into bars, month by month: trades, and beside them the quotes of the same minutes.

Owns the threads that decode ahead, how bars and quotes are joined, and what is counted on the way. Memory is bounded by a
month of bars and some chunks of records, however long the files are. May import model and adapters. Refuses files that do
not belong together, what their reader refuses, and a file whose bytes are not the known ones.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stage1.adapters.databento.dbn_file import DbnFile, open_dbn
from stage1.adapters.databento.header import Header, require_schema
from stage1.adapters.databento.layouts import BY_SCHEMA
from stage1.adapters.databento.tick_reading import TickReading
from stage1.errors import OriginConflict
from stage1.model.bars import UNDEFINED_PRICE
from stage1.model.dataset_manifests import PARTIAL, READY
from stage1.model.minute_bars import QuoteMinutes, Rows, TradeMinutes, by_month
from stage1.model.periods import Period, nanoseconds
from stage1.operations.bars_manifest import require_sha256
from stage1.operations.data_folder import PRODUCTS
from stage1.operations.derive_inputs import RawInput
from stage1.operations.read_ahead import read_ahead

Tell = Callable[[str, int, int], None]  # product, records that were read, records in all (0 while unknown)

CHUNK = 65_536  # records
_AHEAD = 4  # chunks that are decoded while a month is written
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MonthBars:
    """Open files; their figures are known when `months` has ended."""

    def __init__(self, inputs: Sequence[RawInput], files: Sequence[DbnFile], symbol: str, period: Period) -> None:
        self._inputs, self._files = inputs, files
        self._period = period
        for file in files:
            require_schema(file.header, file.layout)
        _require_one_origin([file.header for file in files])
        self._readings = [TickReading(file, symbol, period) for file in files]
        self._bars = self._without_quotes = self._quotes_alone = 0

    @property
    def status(self) -> str:
        """READY where the vendor was asked for all of the period."""
        start, until = nanoseconds(self._period.start), nanoseconds(self._period.end)
        ranges = [(file.header.start_ns, file.header.end_ns) for file in self._files]
        return READY if all(first <= start and (end is None or end >= until) for first, end in ranges) else PARTIAL

    @property
    def vendor_dataset(self) -> str:
        """The code of the vendor's dataset."""
        return self._files[0].header.dataset

    def months(self, tell: Tell) -> Iterator[tuple[Period, Rows]]:
        """The bars of each month of the period; ends normally only if the files were read, whole and known, to their ends."""
        with ExitStack() as stack:
            parts = []
            for given, file, reading in zip(self._inputs, self._files, self._readings, strict=True):
                chunks = stack.enter_context(read_ahead(file.chunks(CHUNK), _AHEAD))
                parts.append(by_month(_rows(given, reading, _telling(chunks, given, tell)), self._period))
            for month, (bars, *quotes) in zip(self._period.months(), zip(*parts, strict=True), strict=True):
                self._bars += len(bars["minute"])
                yield month, self._joined(bars, quotes[0]) if quotes else bars
            for given, file in zip(self._inputs, self._files, strict=True):
                require_sha256(given, file.sha256)

    def figures(self) -> dict[str, Any]:
        """What a manifest keeps of all that was read."""
        header = self._files[0].header
        days = [(each.first, each.until, each.instrument_id, each.symbol) for each in header.mappings]
        names = ("first", "until", "instrument_id", "symbol")
        counts: dict[str, Any] = {
            "bars": self._bars,
            "products": {given.product: reading.figures() for given, reading in zip(self._inputs, self._readings, strict=True)},
        }
        if len(self._files) > 1:
            counts |= {"minutes_of_quotes_alone": self._quotes_alone, "minutes_without_quotes": self._without_quotes}
        return {
            "counts": counts,
            "status": self.status,
            "vendor": {
                "dataset": header.dataset,
                "instruments": [
                    dict(zip(names, (str(first), str(until), number, symbol), strict=True))
                    for first, until, number, symbol in sorted(days)
                ],
                "name": "databento",
                "stype_in": header.stype_in,
            },
        }

    def headers(self) -> list[dict[str, Any]]:
        """What a manifest keeps of each file: what its header says, its size and its records."""
        return [
            {
                "bytes": file.bytes,
                "end": None if file.header.end_ns is None else _time(file.header.end_ns),
                "header_version": file.header.version,
                "limit": file.header.limit,
                "not_found": list(file.header.not_found),
                "partial": list(file.header.partial),
                "records": file.records,
                "schema": file.header.schema,
                "start": _time(file.header.start_ns),
            }
            for file in self._files
        ]

    def _joined(self, bars: Rows, quotes: Rows) -> Rows:
        """Each bar with the quotes of its minute, or with undefined ones."""
        minutes, known = bars["minute"], quotes["minute"]
        at = np.searchsorted(known, minutes)
        has = np.zeros(len(minutes), np.bool_)
        inside = at < len(known)
        has[inside] = known[at[inside]] == minutes[inside]
        self._without_quotes += int(np.count_nonzero(~has))
        self._quotes_alone += len(known) - int(np.count_nonzero(has))

        def column(name: str, missing: int) -> NDArray[np.int64]:
            found = np.full(len(minutes), missing, np.int64)
            found[has] = quotes[name][at[has]]
            return found

        prices = {name: column(name, UNDEFINED_PRICE) for name in ("bid", "ask", "spread_mean")}
        return bars | prices | {"quote_count": column("quote_count", 0)}


@contextmanager
def month_bars(inputs: Sequence[RawInput], symbol: str, period: Period) -> Generator[MonthBars, None, None]:
    """Opens the raw files, TRADES first."""
    with ExitStack() as stack:
        files = [stack.enter_context(open_dbn(each.path, BY_SCHEMA[PRODUCTS[each.product]])) for each in inputs]
        yield MonthBars(inputs, files, symbol, period)


def _rows(given: RawInput, reading: TickReading, chunks: Iterator[NDArray[Any]]) -> Iterator[Rows]:
    if given.product == "TRADES":
        bars = TradeMinutes()
        for ticks in reading.ticks(chunks):
            yield bars.add(ticks.minute, ticks.column("price"), ticks.column("size"))
        yield bars.finish()
    else:
        quotes = QuoteMinutes()
        for ticks in reading.ticks(chunks):
            yield quotes.add(ticks.minute, ticks.column("bid_px"), ticks.column("ask_px"))
        yield quotes.finish()


def _telling(chunks: Iterator[NDArray[Any]], given: RawInput, tell: Tell) -> Iterator[NDArray[Any]]:
    done = 0
    for records in chunks:
        yield records
        done += len(records)
        tell(given.product, done, given.records or 0)


def _require_one_origin(headers: Sequence[Header]) -> None:
    first = headers[0]
    for other in headers[1:]:
        if (other.dataset, other.stype_in) != (first.dataset, first.stype_in):
            raise OriginConflict(
                f"{other.file} is of {other.dataset} by {other.stype_in}.",
                detail=f"Expected {first.dataset} by {first.stype_in}, as {first.file} beside it is.",
                hint="Move the wrong one of the two away, and run `stage1 fetch` for it.",
            )


def _time(moment: int) -> str:
    seconds, rest = divmod(moment, 1_000_000_000)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}{f'.{rest:09}' if rest else ''}Z"
