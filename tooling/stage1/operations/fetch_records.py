"""What is written down of a raw file: beside it, what it is (`TRADES.json`); while it is being fetched, what is to be done.

Owns the two forms and that equal facts are equal bytes. May import model and adapters. A record that cannot be read is none:
the file is then proven again, which costs time and no money.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from stage1.adapters.databento.vendor import Interval, Request
from stage1.model.periods import Period
from stage1.operations.whole_writing import write_whole

_RECORD = "stage1-fetch/1"
_PLAN = "stage1-fetch-plan/1"

Conditions = tuple[tuple[date, str], ...]


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A part of a period that one request fetches: [start, end), and what the vendor says that it holds and costs."""

    start: datetime
    end: datetime
    records: int
    dollars: Decimal

    @property
    def name(self) -> str:
        """Its name in a path."""
        return f"{_compact(self.start)}-{_compact(self.end)}"


@dataclass(frozen=True)
class Wanted:
    """A raw file: one product of a symbol and period."""

    symbol: str
    period: Period
    product: str
    schema: str
    dataset: str
    stype_in: str

    @property
    def name(self) -> str:
        """How sentences name it."""
        return f"{self.symbol} {self.period.name} {self.product}"

    @property
    def request(self) -> Request:
        """What is asked of the vendor, but for the range."""
        return Request(self.dataset, self.schema, self.symbol, self.stype_in)


@dataclass(frozen=True)
class Plan:
    """The requests that make a raw file whole, or bring it up to the vendor's end. Kept until the file is joined."""

    wanted: Wanted
    start: datetime
    end: datetime
    base_sha256: str | None  # of the file that was there when the plan was made
    keeps_base: bool  # its records are a part of the result
    segments: tuple[Segment, ...]
    intervals: tuple[Interval, ...]
    conditions: Conditions


@dataclass(frozen=True)
class Record:
    """What a raw file is, and how it came to be."""

    wanted: Wanted
    start: datetime
    end: datetime
    status: str
    sha256: str
    bytes: int
    records: int
    origin: str  # fetched, or adopted: put there by somebody else
    partial: tuple[str, ...]
    conditions: Conditions
    segments: tuple[Segment, ...] = field(default=())


def write_record(path: Path, record: Record) -> None:
    """Keeps the record of a raw file."""
    write_whole(path, _text(_RECORD, record))


def read_record(path: Path) -> Record | None:
    """The record of a raw file, if there is one that can be read."""
    found = _read(path, _RECORD)
    try:
        return None if found is None else Record(**{**_shared(found), "partial": tuple(found["partial"])})
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def write_plan(path: Path, plan: Plan) -> None:
    """Keeps a plan."""
    write_whole(path, _text(_PLAN, plan))


def read_plan(path: Path) -> Plan | None:
    """The plan of a fetch that was not finished, if there is one that can be read."""
    found = _read(path, _PLAN)
    try:
        if found is None:
            return None
        intervals = tuple(
            Interval(date.fromisoformat(each["first"]), date.fromisoformat(each["until"]), each["instrument"])
            for each in found["intervals"]
        )
        return Plan(**{**_shared(found), "intervals": intervals})
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _read(path: Path, form: str) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.pop("format", None) == form else None


def _shared(found: dict[str, Any]) -> dict[str, Any]:
    wanted = found["wanted"]
    period = Period(date.fromisoformat(wanted["period"]["first"]), date.fromisoformat(wanted["period"]["until"]))
    return {
        **found,
        "wanted": Wanted(**{**wanted, "period": period}),
        "start": datetime.fromisoformat(found["start"]),
        "end": datetime.fromisoformat(found["end"]),
        "segments": tuple(_segment(each) for each in found["segments"]),
        "conditions": tuple((date.fromisoformat(day), str(condition)) for day, condition in found["conditions"]),
    }


def _segment(found: dict[str, Any]) -> Segment:
    start, end = datetime.fromisoformat(found["start"]), datetime.fromisoformat(found["end"])
    return Segment(start, end, int(found["records"]), Decimal(found["dollars"]))


def _text(form: str, of: Record | Plan) -> bytes:
    document = {"format": form, **asdict(of)}
    return json.dumps(document, default=_plain, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _compact(moment: datetime) -> str:
    return moment.strftime("%Y%m%d" if (moment.hour, moment.minute) == (0, 0) else "%Y%m%dT%H%M")
