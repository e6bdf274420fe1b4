"""Does PostgreSQL read from the binary stream exactly the integers that numpy had?"""

from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.rows import DictRow

from stage1.database.bar_encoding import COLUMNS, BarEncoder
from stage1.model.bars import NANOSECONDS_A_MINUTE, Bars

LARGEST = 2**63 - 2
UNIT = Decimal("1e-9")
EDGES = [
    0,
    1,
    -1,
    10,
    999_999_999,
    1_000_000_000,
    -1_000_000_000,
    4500_250_000_000,
    -37_630_000_000,
    100_000_000_000_000,
    9_999_999_999_999,
    10_000 * 10**9,
    10_000 * 10**9 + 100_000,
    123_456_789_012_345_678,
    LARGEST,
    -LARGEST,
]


def bars_of(prices: Any, symbol: Any = None, volume: Any = None) -> Bars:
    """Bars whose four prices are one column turned by a row each, so that each column sees every value."""
    units = np.asarray(prices, np.int64)
    count = len(units)
    turned = [np.roll(units, by) for by in range(4)]
    return Bars(
        np.arange(count),
        np.zeros(count, np.int32) if symbol is None else np.asarray(symbol, np.int32),
        np.arange(count, dtype=np.uint64) * np.uint64(NANOSECONDS_A_MINUTE),
        *turned,
        np.arange(count, dtype=np.uint64) if volume is None else np.asarray(volume, np.uint64),
        np.ones(count, np.uint16),
        np.ones(count, np.uint32),
    )


def copied(db: psycopg.Connection[DictRow], bars: Bars, names: list[str]) -> list[DictRow]:
    """The bars after their way through COPY, in order."""
    prices = ", ".join(f"{name} numeric" for name in ("open", "high", "low", "close", "volume"))
    db.execute(f"create temp table encoded (symbol text, minute integer, {prices})")
    encoder = BarEncoder(names)
    with db.cursor().copy(f"copy pg_temp.encoded ({', '.join(COLUMNS)}) from stdin (format binary)") as copy:
        copy.write(encoder.message(bars))
    return db.execute("select * from pg_temp.encoded order by minute").fetchall()


def assert_equal(rows: list[DictRow], bars: Bars, names: list[str]) -> None:
    assert len(rows) == len(bars)
    for at, row in enumerate(rows):
        assert row["symbol"] == names[bars.symbol[at]]
        assert row["minute"] == at
        assert row["volume"] == int(bars.volume[at])
        for name in ("open", "high", "low", "close"):
            assert row[name] == int(getattr(bars, name)[at]) * UNIT


def test_every_kind_of_price_arrives_exact(db: psycopg.Connection[DictRow]) -> None:
    bars = bars_of(EDGES, volume=np.resize(np.array([0, 1, 10_000, 2**63, 2**64 - 1], np.uint64), len(EDGES)))
    assert_equal(copied(db, bars, ["ES"]), bars, ["ES"])


def test_random_prices_of_every_size_arrive_exact(db: psycopg.Connection[DictRow]) -> None:
    random = np.random.default_rng(3)
    sizes = 10 ** random.integers(0, 19, 20_000, dtype=np.int64)
    prices = np.clip(random.integers(-9, 10, 20_000) * (sizes // 9 + 1) + random.integers(-5, 6, 20_000), -LARGEST, LARGEST)
    bars = bars_of(prices, volume=random.integers(0, 2**64, 20_000, dtype=np.uint64, endpoint=False))
    assert_equal(copied(db, bars, ["ES"]), bars, ["ES"])


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (4500_250_000_000, "4500.25"),
        (4500_500_000_000, "4500.5"),
        (4500_000_000_000, "4500"),
        (100_000_000_000, "100"),
        (1, "0.000000001"),
        (120_000, "0.00012"),
        (1_234_567, "0.001234567"),
        (-37_630_000_000, "-37.63"),
        (0, "0"),
        (LARGEST, "9223372036.854775806"),
    ],
)
def test_a_price_prints_as_it_is_written(db: psycopg.Connection[DictRow], units: int, text: str) -> None:
    [row] = copied(db, bars_of([units]), ["ES"])
    assert f"{row['open']:f}" == text


def test_symbols_of_any_length_and_alphabet_arrive_with_their_own_bars(db: psycopg.Connection[DictRow]) -> None:
    names = ["A", "AAPL", "CME_MINI:MNQ1!", "日経225", "x" * 255, "ESM4-ESU4"]
    bars = bars_of(np.arange(10_000) * 1_000_000, symbol=np.arange(10_000) % len(names))
    assert_equal(copied(db, bars, names), bars, names)


def test_views_into_records_of_another_layout_are_read_right(db: psycopg.Connection[DictRow]) -> None:
    columns = np.zeros(100, np.dtype([("before", "u1"), ("open", "<i8"), ("high", "<i8"), ("low", "<i8"), ("close", "<i8")]))
    for name in ("open", "high", "low", "close"):
        columns[name] = np.arange(100) * 250_000_000
    plain = bars_of(np.zeros(100, np.int64))
    strided = Bars(
        plain.position,
        plain.symbol,
        plain.ts,
        columns["open"],
        columns["high"],
        columns["low"],
        columns["close"],
        plain.volume,
        plain.publisher,
        plain.instrument,
    )
    assert_equal(copied(db, strided, ["ES"]), strided, ["ES"])
