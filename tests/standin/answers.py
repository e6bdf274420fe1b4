"""What the vendor answers: the form of a request in, values for JSON or zstd frames of DBN out.

Owns the reading of forms, the header that says what was asked and found, and the cutting of ranges. Refuses with
`refusals`. Knows nothing of sockets.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import databento_dbn
import numpy as np
import zstandard

from tests.standin import refusals
from tests.standin.market import DAY, LAYOUTS, TIMES, Listing, Market, Records, days, nanoseconds_of

DATASETS = ("DBEQ.BASIC", "EQUS.MINI", "GLBX.MDP3", "XNAS.BASIC", "XNAS.ITCH")
_MOST_SYMBOLS = 2000

Form = Mapping[str, str]


@dataclass
class Service:
    """What the vendor has and says of it; a test may change any of it while the server runs."""

    market: Market = field(default_factory=Market)
    available_end: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    conditions: dict[date, str] = field(default_factory=dict)  # of days that are not 'available'
    dollars_a_gib: float = 1.0
    version: int = 3
    level: int = 3
    remember: bool = False  # keeps the frames of whole days: a benchmark measures the client, not this
    _frames: dict[tuple[object, ...], bytes] = field(default_factory=dict, repr=False)

    @property
    def available(self) -> tuple[int, int]:
        """From when to when there is data."""
        return nanoseconds_of(self.market.opened), parse_moment(self.available_end.isoformat())

    def ask(self, form: Form) -> "Asked":
        """The request for records that a form is; raises the vendor's refusal of it."""
        asked = Asked(self, form)
        refusals.check_range(asked.dataset, asked.start, asked.end, *self.available)
        if asked.schema not in LAYOUTS:
            raise refusals.invalid(f"The stand-in has no schema {asked.schema!r}; it has {', '.join(LAYOUTS)}.")
        if form.get("encoding", "dbn") != "dbn" or form.get("compression", "zstd") != "zstd":
            raise refusals.invalid("The stand-in writes DBN, compressed by zstd, only.")
        if not asked.found:
            raise refusals.unresolved()
        return asked

    def frame(self, content: bytes) -> bytes:
        """One zstd frame, with a checksum as the vendor's have."""
        return zstandard.ZstdCompressor(level=self.level, write_checksum=True).compress(content)

    def day_frame(self, key: tuple[object, ...], records: Callable[[], Records]) -> bytes:
        """The frame of a whole day, which is the same for all who ask."""
        if key not in self._frames:
            made = self.frame(records().tobytes())
            if not self.remember:
                return made
            self._frames[key] = made
        return self._frames[key]

    # -- the endpoints that answer with JSON ------------------------------------------------------------------------------

    def get_record_count(self, form: Form) -> int:
        """How many records get_range would send."""
        return self.ask(form).count()

    def get_billable_size(self, form: Form) -> int:
        """Their bytes, uncompressed."""
        asked = self.ask(form)
        return asked.count() * LAYOUTS[asked.schema].itemsize

    def get_cost(self, form: Form) -> float:
        """Their price in US dollars."""
        return self.get_billable_size(form) / 2**30 * self.dollars_a_gib

    def get_dataset_range(self, form: Form) -> dict[str, Any]:
        """From when to when there is data, of each schema."""
        _dataset(form)
        span = dict(zip(("start", "end"), map(refusals.moment, self.available), strict=True))
        return {**span, "schema": dict.fromkeys(LAYOUTS, span)}

    def get_dataset_condition(self, form: Form) -> list[dict[str, str | None]]:
        """The condition of each session up to, and including, end_date."""
        _dataset(form)
        start, end = self.available
        first = date.fromisoformat(form.get("start_date") or str(_day(start)))
        last = min(date.fromisoformat(form.get("end_date") or str(date.max)), _day(end - 1))
        return [
            {
                "date": str(day),
                "condition": self.conditions.get(day, "available"),
                "last_modified_date": None if self.conditions.get(day) == "missing" else str(day + timedelta(1)),
            }
            for day in days(first, last + timedelta(1))
            if day.weekday() < 5 or day in self.conditions
        ]

    def list_datasets(self, _form: Form) -> list[str]:
        """The codes of the datasets."""
        return list(DATASETS)

    def list_schemas(self, form: Form) -> list[str]:
        """The names of the schemas."""
        _dataset(form)
        return list(LAYOUTS)

    def resolve(self, form: Form) -> dict[str, Any]:
        """What symbols are on the days of [start_date, end_date)."""
        first = date.fromisoformat(_required(form, "start_date"))
        until = date.fromisoformat(form.get("end_date") or str(first + timedelta(1)))
        asked = Asked(self, {**form, "start": str(first), "end": str(until)})
        refusals.check_order(asked.start, asked.end)
        status = 1 if asked.partial or (asked.not_found and asked.found) else 0 if asked.found else 2
        return {
            "result": {
                symbol: [{"d0": str(one.first), "d1": str(one.until), "s": str(one.instrument_id)} for one in listings]
                for symbol, listings in asked.found.items()
            },
            "symbols": asked.symbols,
            "stype_in": asked.stype_in,
            "stype_out": "instrument_id",
            "start_date": str(first),
            "end_date": str(until),
            "partial": asked.partial,
            "not_found": asked.not_found,
            "message": ("OK", "Partially resolved", "Not found")[status],
            "status": status,
        }


class Asked:
    """One request for records: what was asked, and which symbols are what."""

    def __init__(self, service: Service, form: Form) -> None:
        self.service = service
        self.dataset = _dataset(form)
        self.schema = form.get("schema", "trades")
        self.stype_in = form.get("stype_in", "raw_symbol")
        self.start, self.end = span(form)
        self.limit = int(form["limit"]) if form.get("limit") else None
        self.symbols = list(dict.fromkeys(_required(form, "symbols").split(",")))
        if self.stype_in not in ("raw_symbol", "continuous") or form.get("stype_out", "instrument_id") != "instrument_id":
            raise refusals.invalid("The stand-in resolves raw and continuous symbols to instrument ids only.")
        if len(self.symbols) > _MOST_SYMBOLS:
            raise refusals.invalid(f"The request has {len(self.symbols)} symbols; at most {_MOST_SYMBOLS} are taken.")
        self.first, self.until = _day(self.start), _day(self.end - 1) + timedelta(1)
        self.found: dict[str, list[Listing]] = {}
        self.partial: list[str] = []
        self.not_found: list[str] = []
        for symbol in self.symbols:
            listings, whole = service.market.resolve(self.dataset, symbol, self.stype_in, self.first, self.until)
            if not listings:
                self.not_found.append(symbol)
                continue
            self.found[symbol] = listings
            if not whole:
                self.partial.append(symbol)

    def header(self) -> bytes:
        """The metadata that stands before the records."""
        mappings = [
            SimpleNamespace(
                raw_symbol=symbol,
                intervals=[
                    SimpleNamespace(start_date=one.first, end_date=one.until, symbol=str(one.instrument_id)) for one in listings
                ],
            )
            for symbol, listings in self.found.items()
        ]
        metadata = databento_dbn.Metadata(
            dataset=self.dataset,
            start=self.start,
            end=self.end,
            stype_in=databento_dbn.SType.from_str(self.stype_in),
            stype_out=databento_dbn.SType.from_str("instrument_id"),
            schema=databento_dbn.Schema.from_str(self.schema),
            symbols=self.symbols,
            partial=self.partial,
            not_found=self.not_found,
            mappings=mappings,
            limit=self.limit,
            ts_out=False,
            version=self.service.version,
        )
        return bytes(metadata.encode())

    def frames(self) -> Iterator[bytes]:
        """The answer: the header in a zstd frame of its own, then a frame for each day."""
        yield self.service.frame(self.header())
        left = self.limit
        for day in days(self.first, self.until):
            on = tuple(self._on(day))
            if not on:
                continue
            if left is None and self._is_whole(day):
                yield self.service.day_frame((self.dataset, self.schema, on, day), partial(self._records, day))
                continue
            records = self._records(day)[:left]
            left = None if left is None else left - len(records)
            if len(records):
                yield self.service.frame(records.tobytes())

    def count(self) -> int:
        """The number of records."""
        counted = 0
        for day in days(self.first, self.until):
            if self.schema != "ohlcv-1m" and self._is_whole(day):
                counted += sum(self.service.market.count(self.dataset, symbol, day) for symbol, _ in self._on(day))
            else:
                counted += len(self._records(day))
        return counted if self.limit is None else min(counted, self.limit)

    def _is_whole(self, day: date) -> bool:
        return self.start <= nanoseconds_of(day) and nanoseconds_of(day) + DAY <= self.end

    def _on(self, day: date) -> Iterator[tuple[str, int]]:
        for symbol, listings in self.found.items():
            for one in listings:
                if one.first <= day < one.until and self.service.market.is_session(symbol, day):
                    yield symbol, one.instrument_id

    def _records(self, day: date) -> Records:
        market, time = self.service.market, TIMES[self.schema]
        parts = [market.records(self.schema, self.dataset, symbol, day, number) for symbol, number in self._on(day)]
        records = np.concatenate([np.empty(0, LAYOUTS[self.schema]), *parts])
        if len(parts) > 1:
            records = records[np.argsort(records[time], kind="stable")]
        return records[(records[time] >= self.start) & (records[time] < self.end)]


def span(form: Form) -> tuple[int, int]:
    """The moments from and up to which a form asks; without an end, it asks for a day."""
    start = parse_moment(_required(form, "start"))
    return start, parse_moment(form["end"]) if form.get("end") else start + DAY


def parse_moment(text: str) -> int:
    """A moment of a form: nanoseconds since 1970, or a date or time in UTC."""
    if text.isdigit() and len(text) > 8:
        return int(text)
    try:
        return int(np.datetime64(text.removesuffix("Z").removesuffix("+00:00"), "ns").astype("i8"))
    except ValueError:
        raise refusals.invalid(f"{text!r} is not a moment in UTC.") from None


def _day(nanoseconds: int) -> date:
    return date(1970, 1, 1) + timedelta(nanoseconds // DAY)


def _required(form: Form, name: str) -> str:
    if not form.get(name):
        raise refusals.invalid(f"The parameter `{name}` is missing.")
    return form[name]


def _dataset(form: Form) -> str:
    dataset = _required(form, "dataset")
    if dataset not in DATASETS:
        raise refusals.invalid(f"The stand-in has no dataset {dataset!r}; it has {', '.join(DATASETS)}.")
    return dataset
