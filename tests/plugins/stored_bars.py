"""Bars put into the database by hand, also such as no loader would write, and the numbers that they must come back as."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.plugins.databases import Database

Rows = Sequence[tuple[Any, ...]]

MINUTE = timedelta(minutes=1)
START = datetime(2024, 2, 28, 23, 58, tzinfo=UTC)
LARGEST = Decimal(2**63 - 2).scaleb(-9)
NUMBERS = [
    ("0", "0", "0", "0", 0),
    ("-37.63", "-37.63", "-40.5", "-37.630000001", 2**64 - 1),
    ("0.000000001", "1", "-0.000000001", "0.5", 2**63),
    (LARGEST, LARGEST, -LARGEST, -LARGEST, 1),
    ("4500.250", "4500.5", "4499.75", "4500.00", 10_000),
    ("9007199.254740993", "9007199.254740995", "9007199.254740993", "9007199.254740994", 12_345_678),
]
COLUMNS = ["open", "high", "low", "close", "volume"]


def fill(database: Database, symbol: str, rows: Rows, start: datetime = START) -> list[datetime]:
    """Stores bars by hand, as nothing but a superuser can: also such as no loader would write."""
    times = [start + MINUTE * place for place in range(len(rows))]
    with database.connect() as connection:
        connection.execute("select stage1_internal.ensure_bar_partitions(%s, %s)", [times[0], times[-1]])
        statement = (
            "copy public.market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id) from stdin"
        )
        with connection.cursor().copy(statement) as copy:
            for ts, numbers in zip(times, rows, strict=True):
                copy.write_row((symbol, ts, round(ts.timestamp() * 1000), *numbers, 1))
        connection.execute(
            "insert into public.market_bar_symbols (symbol, vendor, dataset, origin, bar_count, first_ts, last_ts, latest_close) "
            "values (%s, 'databento', 'GLBX.MDP3', 'vendor', %s, %s, %s, %s)",
            [symbol, len(rows), times[0], times[-1], rows[-1][3]],
        )
    return times


def many(count: int) -> Rows:
    """Bars whose rows have many widths."""
    return [(place, f"{place}.75", f"-{place % 10_007}.125", f"{place}.000000001", place * 7919) for place in range(count)]


def exact(rows: Rows) -> Rows:
    """The same with prices as decimals."""
    return [(*map(Decimal, row[:4]), row[4]) for row in rows]
