"""Bars, and what there is of each symbol."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from stage1.database.bar_reading import BarSpan
from stage1.errors import ArgumentInvalid
from stage1.model.json_text import JsonText
from stage1.operations import bar_stats, bar_streams
from stage1.server import paging
from stage1.server.aliases import symbol_aliases
from stage1.server.answers import ARROW, CSV, JSON, Stream, accepted, answer
from stage1.server.openapi import refusals
from stage1.server.schemas.market_data import BarPage, Stats, SymbolRow
from stage1.server.schemas.pages import Page
from stage1.server.serving import Served

router = APIRouter(tags=["market data"])

MOST_BARS = 10_000
_NEXT = timedelta(microseconds=1)  # PostgreSQL's times are no finer
_STREAMS = {
    CSV: {"schema": {"type": "string"}, "example": "ts,open,high,low,close,volume\n2023-01-03T14:30:00+00:00,1.5,2,1,1.75,120\n"},
    ARROW: {"schema": {"type": "string", "format": "binary"}},
}

Bound = Annotated[str | None, Query(max_length=64, examples=["2023-01-03T14:30:00Z"])]


@router.get(
    "/v1/symbols",
    operation_id="list_symbols",
    summary="List the symbols",
    response_model=Page[SymbolRow],
    responses=refusals(422),
)
def list_symbols(served: Served, limit: paging.Limit = 50, cursor: paging.Cursor = None) -> Response:
    """What there is of each symbol that has bars, by symbol."""
    (symbol,) = paging.key_of(cursor, paging.text)
    rows = bar_stats.of_all_after(served.target, served.settings, limit + 1, symbol)
    return answer(paging.page(rows, limit, "symbol"))


@router.get(
    "/v1/bars",
    operation_id="read_bars",
    summary="Read the bars of a symbol",
    response_model=BarPage,
    responses={200: {"content": _STREAMS}, **refusals(406, 422)},
)
def read_bars(
    request: Request,
    served: Served,
    symbol: Annotated[str, Query(min_length=1, description="The symbol, as it is listed.", examples=["ESH3"])],
    start: Annotated[Bound, Query(alias="from", description="The first minute: ISO 8601, UTC without an offset.")] = None,
    until: Annotated[Bound, Query(description="The minute before which the bars end.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_BARS, description="How many bars a page of JSON has at the most.")] = 1000,
    cursor: paging.Cursor = None,
) -> Response:
    """The bars of a symbol by time; every digit of a price is there.

    JSON comes in pages. CSV and Arrow are the whole span as a stream, without limit and cursor: an answer that does not end as
    HTTP asks for is not whole.
    """
    form = accepted(request, (JSON, CSV, ARROW))
    span = BarSpan(symbol, _moment("from", start), _moment("until", until))
    patience = served.settings.seconds("STAGE1_REQUEST_TIMEOUT")
    if form == CSV:
        return Stream(bar_streams.csv_blocks(served.target, served.settings, span), f"{CSV}; charset=utf-8", patience, _VARY)
    if form == ARROW:
        return Stream(bar_streams.arrow_blocks(served.target, served.settings, span), ARROW, patience, _VARY)
    (after,) = paging.key_of(cursor, datetime.fromisoformat)
    start_of_page = span.start if after is None else _later(after)
    rows = bar_streams.rows(served.target, served.settings, BarSpan(symbol, start_of_page, span.until, limit + 1))
    return answer({"symbol": symbol, **paging.page(rows, limit, "ts")}, headers=_VARY)


@router.get(
    "/api/market-data/{symbol:path}/ohlcv-1m/stats",
    operation_id="show_stats",
    summary="Show count, span and latest close of a symbol",
    response_model=Stats,
    responses=refusals(422),
)
def show_stats(
    served: Served,
    symbol: Annotated[
        str, Path(description="A symbol, or an alias of STAGE1_SYMBOL_ALIASES, whatever its case.", examples=["CME_MINI:MNQ1!"])
    ],
) -> Response:
    """The figures of one symbol in the form of the former endpoint; a symbol without bars has a message."""
    found = bar_stats.of_symbol(served.target, served.settings, symbol_aliases(served.settings).symbol(symbol))
    return answer({name: _as_before(value) for name, value in found.items()})


_VARY = {"vary": "accept"}


def _moment(name: str, given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArgumentInvalid(f"{name} was {given!r}; a time like 2023-01-03 or 2023-01-03T14:30:00Z was expected.") from None


def _later(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) + _NEXT
    except OverflowError:
        return moment


def _as_before(value: Any) -> Any:
    """Times with an offset, and the price as a number."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return JsonText(f"{value:f}") if value.is_finite() else None
    return value
