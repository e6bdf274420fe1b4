"""Trades and quotes made by the tests, the files of them in a data folder, and the bars of them in plain Python.

`ticks` makes records that are right; a test changes what it wants to be wrong. `plain_bars` is slow and obvious: whole numbers,
fractions, a dictionary of minutes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stage1.adapters.databento.layouts import TBBO, TRADES
from stage1.model.periods import Period
from stage1.operations.data_folder import PRODUCTS, DataFolder
from tests.plugins.dbn_files import MINUTE, Header, nanoseconds, write

UNDEF = 2**63 - 1
SYMBOL = "AAPL"
YEAR = Period.year(2023)


def moments(*texts: str) -> list[int]:
    """Moments in ISO 8601, UTC, as DBN has them."""
    return [nanoseconds(datetime.fromisoformat(text).replace(tzinfo=UTC)) for text in texts]


def ticks(at: Sequence[int] | NDArray[Any], *, seed: int = 1, instrument: int = 7) -> NDArray[Any]:
    """Records of TBBO at these ts_recv."""
    random, count = np.random.default_rng(seed), len(at)
    made = np.zeros(count, TBBO.dtype)
    made["length"], made["rtype"], made["publisher_id"], made["instrument_id"] = TBBO.size // 4, TBBO.rtype, 2, instrument
    made["ts_recv"] = np.asarray(at, "u8")
    made["ts_event"] = made["ts_recv"] - np.uint64(1_000_000_000)  # so that a bar by ts_event would be another one
    made["price"] = (15_000 + np.cumsum(random.integers(-2, 3, count))) * 10_000_000
    made["size"] = random.integers(1, 400, count)
    made["action"], made["side"], made["flags"] = b"T", b"B", 130
    made["bid_px"] = made["price"] - random.integers(0, 3, count) * 10_000_000
    made["ask_px"] = made["bid_px"] + random.integers(1, 5, count) * 10_000_000
    return made


def spread_over(first: str, until: str, count: int, *, seed: int = 1) -> NDArray[Any]:
    """Records at random times of a range, in order."""
    start, end = moments(first, until)
    return ticks(np.sort(np.random.default_rng(seed).integers(start, end, count)), seed=seed)


def as_trades(records: NDArray[Any]) -> NDArray[Any]:
    """The same records without their quotes."""
    made = np.zeros(len(records), TRADES.dtype)
    for name in TRADES.dtype.names or ():
        made[name] = records[name]
    made["length"], made["rtype"] = TRADES.size // 4, TRADES.rtype
    return made


def header(period: Period = YEAR, symbol: str = SYMBOL, instrument: int = 7) -> Header:
    """What the vendor says of a file that was asked for as a whole period."""
    mappings = {symbol: [(period.first, period.until, instrument)]}
    return Header(dataset="XNAS.ITCH", start=period.start, end=period.end, mappings=mappings)


def put(
    data: DataFolder,
    *,
    trades: NDArray[Any] | None = None,
    tbbo: NDArray[Any] | None = None,
    symbol: str = SYMBOL,
    period: Period = YEAR,
    head: Header | None = None,
    heads: Mapping[str, Header] | None = None,
) -> list[Path]:
    """Writes raw files to where they belong; `trades` may be records of TBBO, whose quotes are left out."""
    paths = []
    for product, records in (("TRADES", trades), ("TBBO", tbbo)):
        if records is None:
            continue
        path = data.raw_file(symbol, period, product)
        path.parent.mkdir(parents=True, exist_ok=True)
        said = (heads or {}).get(product) or head or header(period, symbol)
        records = as_trades(records) if product == "TRADES" else records
        paths.append(write(path, records, replace(said, schema=PRODUCTS[product])))
    return paths


def plain_bars(
    trades: NDArray[Any], tbbo: NDArray[Any] | None = None, days: tuple[date, date] = (YEAR.first, YEAR.until)
) -> list[dict[str, Any]]:
    """The bars as rows: times in minutes since 1970, prices in units of 1e-9, None where there is no quote."""
    minutes: dict[int, list[Any]] = {}
    for each in _counted(trades, days):
        minutes.setdefault(int(each["ts_recv"]) // MINUTE, []).append((int(each["price"]), int(each["size"])))
    quotes: dict[int, list[Any]] = {}
    for each in [] if tbbo is None else _counted(tbbo, days):
        pair = tuple(None if each[name] == UNDEF else int(each[name]) for name in ("bid_px", "ask_px"))
        quotes.setdefault(int(each["ts_recv"]) // MINUTE, []).append(pair)
    return [
        bar_of(minute, found) | ({} if tbbo is None else quote_of(quotes.get(minute, []))) for minute, found in minutes.items()
    ]


def bar_of(minute: int, found: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """The bar of a minute's prices and sizes."""
    prices, volume = [price for price, _ in found], sum(size for _, size in found)
    return {
        "minute": minute,
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": volume,
        "trade_count": len(found),
        "vwap": round(Fraction(sum(price * size for price, size in found), volume)),  # half to even
    }


def quote_of(found: Sequence[tuple[int | None, int | None]]) -> dict[str, Any]:
    """What a bar has of the bids and asks of its minute."""
    both = [ask - bid for bid, ask in found if bid is not None and ask is not None]
    bid, ask = found[-1] if found else (None, None)
    mean = round(Fraction(sum(both), len(both))) if both else None
    return {"bid": bid, "ask": ask, "spread_mean": mean, "quote_count": len(both)}


def _counted(records: NDArray[Any], days: tuple[date, date]) -> Iterable[Any]:
    start, end = (nanoseconds(datetime(day.year, day.month, day.day, tzinfo=UTC)) for day in days)
    for each in records:
        inside = start <= int(each["ts_recv"]) < end
        if inside and each["action"] == b"T" and each["price"] != UNDEF and each["size"] > 0:
            yield each


def stored_bars(folder: Path) -> list[dict[str, Any]]:
    """What the Parquet files of a folder hold, in the form of `plain_bars`."""
    from pyarrow import parquet

    rows = []
    for path in sorted(folder.glob("*.parquet")):
        table = parquet.ParquetFile(path).read()
        minutes = table.column("ts").cast("int64").to_pylist()
        for minute, row in zip(minutes, table.drop_columns(["ts"]).to_pylist(), strict=True):
            assert minute % MINUTE == 0
            rows.append({"minute": minute // MINUTE, **{name: _units(value) for name, value in row.items()}})
    return rows


def _units(value: Any) -> int | None:
    return value if value is None or isinstance(value, int) else int(value.scaleb(9))
