"""Bars against plain Python: any prices and sizes, any cuts between parts, and what is rounded where."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from stage1.errors import BadRows
from stage1.model.minute_bars import QUOTE_COLUMNS, TRADE_COLUMNS, QuoteMinutes, TradeMinutes, by_month, minute_of
from stage1.model.periods import Period
from tests.plugins.tick_files import UNDEF, bar_of, quote_of

LOWEST, HIGHEST = -(2**63), 2**63 - 2
LARGEST_SIZE = 2**32 - 1
PRICES = {
    "of a share": (149_000_000_000, 151_000_000_000),
    "around zero": (-1_000_000_000, 1_000_000_000),
    "of all 64 bits": (LOWEST, HIGHEST),
    "at the top": (HIGHEST - 3, HIGHEST),
    "at the bottom": (LOWEST, LOWEST + 3),
}
SIZES = {"usual": (1, 500), "large": (LARGEST_SIZE - 2, LARGEST_SIZE), "of one": (1, 1)}


def gathered(builder, columns, names, cuts):
    """All rows that a builder gives for columns that come in parts."""
    edges = [0, *cuts, len(columns[0])]
    parts = [builder.add(*(column[start:end] for column in columns)) for start, end in pairwise(edges) if end > start]
    parts.append(builder.finish())
    whole = {name: np.concatenate([part[name] for part in parts]).tolist() for name in names}
    assert all(len(part[name]) == len(part["minute"]) for part in parts for name in names)
    return [dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=True)]


def cuts_of(random, count):
    return sorted(random.integers(1, count, random.integers(0, 12)).tolist())


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("prices", PRICES)
def test_bars_equal_plain_python(prices, sizes):
    for seed in range(20):
        random = np.random.default_rng([seed, len(prices), len(sizes)])
        count = int(random.integers(2, 200))
        minute = np.cumsum(random.choice([0, 0, 0, 1, 7], count)).astype(np.int64)
        price = random.integers(*PRICES[prices], count, np.int64, endpoint=True)
        size = random.integers(*SIZES[sizes], count, np.uint32, endpoint=True)
        by_minute = defaultdict(list)
        for at, *trade in zip(minute.tolist(), price.tolist(), size.tolist(), strict=True):
            by_minute[at].append(trade)
        found = gathered(TradeMinutes(), (minute, price, size), TRADE_COLUMNS, cuts_of(random, count))
        assert found == [bar_of(at, trades) for at, trades in by_minute.items()], f"seed {seed}"


@pytest.mark.parametrize("prices", ["of a share", "around zero", "at the top", "at the bottom"])
@pytest.mark.parametrize("missing", [0, 0.3, 1])
def test_quotes_equal_plain_python(prices, missing):
    for seed in range(20):
        random = np.random.default_rng([seed, len(prices), int(missing * 10)])
        count = int(random.integers(2, 200))
        minute = np.cumsum(random.choice([0, 0, 0, 1, 7], count)).astype(np.int64)
        bid, ask = (random.integers(*PRICES[prices], count, np.int64, endpoint=True) for _ in range(2))
        bid[random.random(count) < missing] = UNDEF
        ask[random.random(count) < missing] = UNDEF
        by_minute = defaultdict(list)
        for at, *quote in zip(minute.tolist(), bid.tolist(), ask.tolist(), strict=True):
            by_minute[at].append([None if price == UNDEF else price for price in quote])
        found = gathered(QuoteMinutes(), (minute, bid, ask), QUOTE_COLUMNS, cuts_of(random, count))
        told = [{name: None if value == UNDEF else value for name, value in row.items()} for row in found]
        assert told == [{"minute": at, **quote_of(quotes)} for at, quotes in by_minute.items()], f"seed {seed}"


@pytest.mark.parametrize(
    ("quotes", "mean"),
    [
        ([(0, 1), (0, 2)], 2),  # 1.5
        ([(0, 2), (0, 3)], 2),  # 2.5
        ([(0, -1), (0, -2)], -2),  # -1.5
        ([(0, 0), (0, -1)], 0),  # -0.5
        ([(0, 1), (0, 1), (0, 2)], 1),
        ([(LOWEST, 0), (0, HIGHEST), (0, 0)], (2**63 + HIGHEST + 1) // 3),  # two thirds are up
        ([(LOWEST, HIGHEST), (HIGHEST, LOWEST)], 0),
    ],
)
@pytest.mark.parametrize("cuts", [[], [1]])
def test_a_half_goes_to_the_even_one(quotes, mean, cuts):
    bid, ask = (np.array(column, np.int64) for column in zip(*quotes, strict=True))
    [row] = gathered(QuoteMinutes(), (np.zeros(len(quotes), np.int64), bid, ask), QUOTE_COLUMNS, cuts)
    assert (row["spread_mean"], row["quote_count"]) == (mean, len(quotes))


def test_a_mean_beyond_64_bits_is_refused():
    minute = np.zeros(2, np.int64)
    with pytest.raises(BadRows, match="spread_mean does not fit"):
        gathered(QuoteMinutes(), (minute, np.array([LOWEST, LOWEST]), np.array([HIGHEST, HIGHEST])), QUOTE_COLUMNS, [])


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_months_are_cut_where_they_begin(size):
    period = Period.year(2024)
    first, until = minute_of(period.start), minute_of(period.end)
    leap_day = minute_of(Period.year(2024).start) + 59 * 1440
    minutes = np.array([first, first + 31 * 1440 - 1, first + 31 * 1440, leap_day, leap_day + 1440, until - 1])
    drained = []

    def parts():
        for start in range(0, len(minutes), size):
            yield {"minute": minutes[start : start + size]}
        yield {"minute": minutes[:0]}
        drained.append(True)

    found = [rows["minute"].tolist() for rows in by_month(parts(), period)]
    assert found == [minutes[:2].tolist(), minutes[2:4].tolist(), minutes[4:5].tolist(), *[[]] * 8, minutes[5:].tolist()]
    assert drained
