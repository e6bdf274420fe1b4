"""The vendor's historical service: what there is, what it costs, which symbols it knows, and the bytes.

Owns the questions, and what an answer is that is none. They go through the vendor's client library; the bytes are one streamed
request of our own, since the library's is never retried and leaves torn files. May import errors and its neighbours; the library
and requests are imported when they are used. Refuses a key, a gateway and a timeout that cannot be right before any request.
"""

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from stage1.adapters.databento import vendor_access
from stage1.adapters.databento.vendor_http import MOST_OF_A_REFUSAL, SLOWEST, Stream, no_network, open_stream, within
from stage1.adapters.databento.vendor_problems import Patience, refusal
from stage1.errors import VendorRefused

if TYPE_CHECKING:
    from databento.common.http import BentoHttpAPI

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Request:
    """Records of one symbol and schema; ranges are given with each question."""

    dataset: str
    schema: str
    symbol: str
    stype_in: str

    def of(self, start: datetime, end: datetime) -> str:
        """How sentences name it."""
        return f"{self.schema} of {self.symbol} ({self.dataset}) from {_iso(start)} until {_iso(end)}"


@dataclass(frozen=True, slots=True)
class Interval:
    """The UTC days [first, until) on which a symbol is an instrument."""

    first: date
    until: date
    instrument: str


class Vendor:
    """The service behind a gateway, asked with a key."""

    def __init__(self, gateway: str, key: str, timeout: float, patience: Patience) -> None:
        self._gateway = vendor_access.checked_gateway(gateway)
        self._key = vendor_access.checked_key(key)
        self._timeout = vendor_access.checked_timeout(timeout)
        self.patience = patience
        # What is the same for every symbol is asked once.
        self._ranges: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        self._conditions: dict[tuple[str, date, date], tuple[tuple[date, str], ...]] = {}

    def range_of(self, dataset: str, schema: str) -> tuple[datetime, datetime]:
        """From when until when there are data of a schema."""
        from databento.historical.api.metadata import MetadataHttpAPI

        def question(api: Any) -> tuple[datetime, datetime]:
            found = api.get_dataset_range(dataset)
            span = found.get("schema", {}).get(schema, found)
            return _moment(span["start"]), _moment(span["end"])

        known = dataset, schema
        if known not in self._ranges:
            self._ranges[known] = self._ask(MetadataHttpAPI, f"the range of {dataset}", question)
        return self._ranges[known]

    def conditions(self, dataset: str, first: date, until: date) -> tuple[tuple[date, str], ...]:
        """The days [first, until) of which the vendor says that they are not simply available."""
        from databento.historical.api.metadata import MetadataHttpAPI

        last = until - timedelta(days=1)  # the vendor counts it in

        def question(api: Any) -> tuple[tuple[date, str], ...]:
            found = api.get_dataset_condition(dataset, start_date=first, end_date=last)
            days = ((date.fromisoformat(each["date"]), str(each["condition"])) for each in found)
            return tuple(sorted((day, condition) for day, condition in days if condition != "available" and first <= day < until))

        known = dataset, first, until
        if known not in self._conditions:
            self._conditions[known] = self._ask(MetadataHttpAPI, f"the condition of {dataset}", question)
        return self._conditions[known]

    def intervals(self, request: Request, first: date, until: date) -> tuple[Interval, ...]:
        """Which instrument the symbol is on the days [first, until); none where the vendor does not know it."""
        from databento.historical.api.symbology import SymbologyHttpAPI

        def question(api: Any) -> tuple[Interval, ...]:
            found = api.resolve(
                dataset=request.dataset,
                symbols=[request.symbol],
                stype_in=request.stype_in,
                stype_out="instrument_id",
                start_date=first,
                end_date=until,
            )
            known = found["result"].get(request.symbol, [])
            # On days without an instrument the vendor leaves its number empty.
            return tuple(sorted((_interval(request.symbol, each) for each in known if each["s"]), key=lambda each: each.first))

        return self._ask(SymbologyHttpAPI, f"the symbol {request.symbol}", question)

    def quote(self, request: Request, start: datetime, end: datetime) -> tuple[int, Decimal]:
        """How many records there are, and the dollars that they cost; asking is free."""
        records = self.count(request, start, end)
        return records, self._cost(request, start, end) if records else Decimal(0)

    def count(self, request: Request, start: datetime, end: datetime) -> int:
        """How many records there are; asking is free."""
        from databento.historical.api.metadata import MetadataHttpAPI

        def question(api: Any) -> int:
            return int(_amount(api.get_record_count(**_form(request, start, end))))

        return self._ask(MetadataHttpAPI, request.of(start, end), question)

    def _cost(self, request: Request, start: datetime, end: datetime) -> Decimal:
        from databento.historical.api.metadata import MetadataHttpAPI

        return self._ask(MetadataHttpAPI, request.of(start, end), lambda api: _amount(api.get_cost(**_form(request, start, end))))

    @contextlib.contextmanager
    def stream(self, request: Request, start: datetime, end: datetime) -> Iterator[Stream]:
        """The bytes of one range as they arrive; raises Passing for what may be another answer in a moment."""
        form = {**_form(request, start, end), "stype_out": "instrument_id", "encoding": "dbn", "compression": "zstd"}
        url = f"{self._gateway}/v0/timeseries.get_range"
        with open_stream(url, self._key, form, self._timeout, request.of(start, end)) as stream:
            yield stream

    def _ask(self, kind: "type[BentoHttpAPI]", what: str, question: Callable[[Any], _Answer]) -> _Answer:
        from databento.common.error import BentoWarning

        api = kind(key=self._key, gateway=self._gateway)
        api.TIMEOUT = self._timeout  # type: ignore[assignment]  # of this object

        def tried() -> _Answer:
            # What the vendor announces of its own interface is for us, not for whoever runs the command.
            with no_network(), _an_answer(what), warnings.catch_warnings():
                warnings.simplefilter("ignore", BentoWarning)
                warnings.simplefilter("ignore", DeprecationWarning)
                return question(api)

        return self.patience.until_done(what, lambda: within(SLOWEST * self._timeout, tried))


@contextlib.contextmanager
def _an_answer(what: str) -> Iterator[None]:
    """Turns a refusal, and an answer that is none, into a sentence; what goes wrong below HTTP passes through."""
    import requests
    from databento.common.error import BentoError, BentoHttpError

    try:
        yield
    except requests.exceptions.RequestException:
        raise  # some of these are ValueErrors, too
    except BentoHttpError as problem:
        headers = {str(name).title(): str(value) for name, value in (problem.headers or {}).items()}
        text = (problem.http_body or b"")[:MOST_OF_A_REFUSAL]
        said = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        raise refusal(problem.http_status, headers, problem.json_body, said, what) from problem
    except (BentoError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as problem:
        raise VendorRefused(
            f"The vendor answered the question for {what} with something that is no answer.", detail=type(problem).__name__
        ) from problem


def _form(request: Request, start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "dataset": request.dataset,
        "schema": request.schema,
        "symbols": [request.symbol],
        "stype_in": request.stype_in,
        "start": _iso(start),
        "end": _iso(end),
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _interval(symbol: str, given: dict[str, Any]) -> Interval:
    from stage1.adapters.databento.header import mapping

    found = mapping(symbol, given["s"], date.fromisoformat(given["d0"]), date.fromisoformat(given["d1"]), "instrument_id")
    if found.first >= found.until:
        raise ValueError("an interval without a day")
    return Interval(found.first, found.until, given["s"])


def _amount(given: object) -> Decimal:
    amount = Decimal(str(given))
    if not amount.is_finite() or amount < 0:
        raise ValueError("an amount that is none")
    return amount


def _moment(text: str) -> datetime:
    # The vendor writes nanoseconds; whole minutes are what is used of it.
    moment = datetime.fromisoformat(re.sub(r"\.(\d{6})\d*", r".\1", str(text)))
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset")
    return moment
