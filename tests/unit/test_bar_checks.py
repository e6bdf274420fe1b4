"""The rules for bars: each alone, together, and at the edges of the parts in which a file is looked at."""

from collections import Counter
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest

from stage1.model.bar_checks import Checked, Checker
from stage1.model.bar_gaps import Gap, Gaps
from stage1.model.bar_minutes import by_symbol
from stage1.model.bar_rejects import REASONS, Reason, price_text, time_text
from stage1.model.bars import AMBIGUOUS, UNDEFINED_PRICE, UNDEFINED_TIME, UNMAPPED, Bars, SymbolSpan

MINUTE = 60_000_000_000
START = 1_672_756_200 * 1_000_000_000  # 2023-01-03 14:30
END = START + 1000 * MINUTE
NOW = END + 10**15
LOWEST, HIGHEST = -(2**63), 2**63 - 2
NAMES = ("A", "B", "C")
PRICES = ("open", "high", "low", "close")


class Row(NamedTuple):
    """A bar that is right until a test says otherwise; `minute` counts from START."""

    minute: int = 0
    symbol: int = 0
    open: int = 10
    high: int = 12
    low: int = 8
    close: int = 11
    volume: int = 5
    publisher: int = 1
    ts: int | None = None

    @property
    def time(self) -> int:
        return START + self.minute * MINUTE if self.ts is None else self.ts


def bars(rows: list[Row], first_position: int = 0) -> Bars:
    def column(name: str, kind: Any) -> Any:
        return np.array([getattr(row, name) for row in rows], kind)

    return Bars(
        np.arange(first_position, first_position + len(rows), dtype=np.int64),
        column("symbol", np.int32),
        column("time", np.uint64),
        *(column(name, np.int64) for name in PRICES),
        column("volume", np.uint64),
        column("publisher", np.uint16),
        np.full(len(rows), 7, np.uint32),
    )


def checked(rows: list[Row], part: int = 1000, *, end: int | None = END, most: int = 1000) -> Checked:
    checker = Checker(NAMES, START, end, NOW, most_rejected=most)
    for at in range(0, len(rows), part):
        checker.look_at(bars(rows[at : at + part], at))
    return checker.result()


def why(found: Checked) -> dict[int, str]:
    return {int(at): REASONS[code] for at, code in zip(found.rejected, found.reasons, strict=True)}


def plainly(rows: list[Row]) -> dict[int, str]:
    """The rules again, one row after the other: slow, and short enough to be read."""
    refused: dict[int, str] = {}
    groups: dict[tuple[int, int], list[int]] = {}
    latest = 0
    for at, row in enumerate(rows):
        prices = (row.open, row.high, row.low, row.close)
        if row.time == UNDEFINED_TIME:
            refused[at] = "undefined_time"
        elif UNDEFINED_PRICE in prices:
            refused[at] = "undefined_price"
        elif LOWEST in prices:
            refused[at] = "price_out_of_range"
        elif row.high < max(prices):
            refused[at] = "high_below"
        elif row.low > min(prices):
            refused[at] = "low_above"
        elif row.time % MINUTE:
            refused[at] = "not_on_minute"
        elif not START <= row.time < END:
            refused[at] = "out_of_range"
        elif row.symbol < 0:
            refused[at] = {UNMAPPED: "unmapped", AMBIGUOUS: "ambiguous_symbol"}[row.symbol]
        elif row.time < latest:
            refused[at] = "out_of_order"
        else:
            latest = row.time
            groups.setdefault((row.symbol, row.time), []).append(at)
    for group in groups.values():
        if len({rows[at].publisher for at in group}) > 1:
            refused |= dict.fromkeys(group, "several_publishers")
        elif len({rows[at][2:7] for at in group}) > 1:
            refused |= dict.fromkeys(group, "duplicate")
        else:
            refused |= dict.fromkeys(group[1:], "duplicate")
    return refused


def what_remains(rows: list[Row], refused: dict[int, str]) -> tuple[list[SymbolSpan], Gaps]:
    spans, gaps = [], []
    for code, name in enumerate(NAMES):
        minutes = [row.minute for at, row in enumerate(rows) if at not in refused and row.symbol == code]
        if minutes:
            spans.append(SymbolSpan(name, len(minutes), at_minute(minutes[0]), at_minute(minutes[-1])))
        gaps += [(b - a - 1, -a, -code) for a, b in pairwise(minutes) if b - a > 1]
    if not gaps:
        return spans, Gaps(0, 0, None)
    missing, before, code = max(gaps)
    longest = Gap(NAMES[-code], missing, at_minute(1 - before), at_minute(1 - before + missing))
    return spans, Gaps(len(gaps), sum(gap[0] for gap in gaps), longest)


def at_minute(minute: int) -> datetime:
    return datetime(2023, 1, 3, 14, 30, tzinfo=UTC) + timedelta(minutes=minute)


PARTS = pytest.mark.parametrize("part", [1, 2, 3, 1000])
GOOD = [Row(0), Row(1), Row(2)]


@PARTS
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (GOOD, {}),
        ([Row(0), Row(0, 1), Row(0, 2), Row(1), Row(1, 1), Row(1, 2)], {}),
        # each rule alone, between rows that are right
        ([Row(0), Row(1, ts=UNDEFINED_TIME), Row(2)], {1: "undefined_time"}),
        *(([Row(0), Row(1)._replace(**{name: UNDEFINED_PRICE}), Row(2)], {1: "undefined_price"}) for name in PRICES),
        *(([Row(0), Row(1)._replace(**{name: LOWEST}), Row(2)], {1: "price_out_of_range"}) for name in PRICES),
        ([Row(0), Row(1, high=10), Row(2, open=13), Row(3)], {1: "high_below", 2: "high_below"}),
        ([Row(0), Row(1, low=11), Row(2, close=7), Row(3)], {1: "low_above", 2: "low_above"}),
        ([Row(0), Row(1, high=7, low=9), Row(2)], {1: "high_below"}),
        ([Row(0), Row(ts=START + MINUTE + 1), Row(2)], {1: "not_on_minute"}),
        ([Row(-1), Row(0), Row(999), Row(1000)], {0: "out_of_range", 3: "out_of_range"}),
        ([Row(0), Row(1, UNMAPPED), Row(1, AMBIGUOUS), Row(2)], {1: "unmapped", 2: "ambiguous_symbol"}),
        ([Row(0), Row(5), Row(4), Row(3), Row(5, 1), Row(6)], {2: "out_of_order", 3: "out_of_order"}),
        ([Row(0), Row(5), Row(4, 1), Row(6)], {2: "out_of_order"}),
        # a row that is refused for another reason says nothing about the order
        ([Row(0), Row(9, high=1), Row(5), Row(6)], {1: "high_below"}),
        # alike: the first stays; else none, though the first may have been seen long before
        ([Row(0), Row(1), Row(1), Row(1), Row(2)], {2: "duplicate", 3: "duplicate"}),
        *(
            ([Row(0), Row(1), Row(1)._replace(**{name: value}), Row(2)], {1: "duplicate", 2: "duplicate"})
            for name, value in (("open", 9), ("high", 13), ("low", 7), ("close", 9), ("volume", 9))
        ),
        ([Row(0, high=13), Row(0), Row(0, 1), Row(0, low=2)], {0: "duplicate", 1: "duplicate", 3: "duplicate"}),
        ([Row(0), Row(0, volume=2**64 - 1), Row(0, volume=2**63)], dict.fromkeys(range(3), "duplicate")),
        # the same minute of other symbols, and the same symbol in other minutes, are other bars
        ([Row(0), Row(0, 1), Row(0), Row(0, 2), Row(0, 1), Row(1)], {2: "duplicate", 4: "duplicate"}),
        ([Row(0), Row(0, 2), Row(0), Row(0, 1, open=9), Row(0)], {2: "duplicate", 4: "duplicate"}),
        # one publisher more refuses all, whichever came first
        ([Row(0), Row(0, publisher=2), Row(1)], dict.fromkeys(range(2), "several_publishers")),
        ([Row(0), Row(0), Row(0, open=9), Row(0, 1), Row(0, publisher=2)], dict.fromkeys([0, 1, 2, 4], "several_publishers")),
        ([Row(0), Row(1, publisher=2), Row(2, publisher=3)], {}),
        # with an equal minute on both sides of a row that is out of order
        ([Row(1), Row(0), Row(1)], {1: "out_of_order", 2: "duplicate"}),
        # legal, however unusual
        ([Row(0, open=-5, high=0, low=-7, close=-5), Row(1, open=0, high=0, low=0, close=0)], {}),
        ([Row(0, open=LOWEST + 1, high=HIGHEST, low=LOWEST + 1, close=HIGHEST, volume=2**64 - 1), Row(1, volume=0)], {}),
        ([], {}),
    ],
)  # fmt: skip
def test_each_rule(rows, expected, part):
    assert plainly(rows) == expected
    assert_like_plainly(rows, part)


def assert_like_plainly(rows: list[Row], part: int) -> None:
    expected = plainly(rows)
    found = checked(rows, part)
    assert why(found) == expected
    assert found.rejected.tolist() == sorted(expected)
    assert found.counts == Counter(expected.values())
    assert found.accepted == len(rows) - len(expected)
    assert (list(found.spans), found.gaps) == what_remains(rows, expected)
    assert found.first == min((span.first for span in found.spans), default=None)
    assert found.last == max((span.last for span in found.spans), default=None)
    for reason, examples in found.examples.items():
        assert reason.sentence
        first_of_it = sorted(at for at in expected if expected[at] == reason)[:3]
        assert [example.position for example in examples] == first_of_it
        for example in examples:
            row = rows[example.position]
            assert (example.time, example.symbol) == (time_text(row.time), NAMES[row.symbol] if row.symbol >= 0 else None)


@pytest.mark.parametrize("seed", range(150))
def test_any_mixture_of_faults_in_any_parts(seed):
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    minute = 0
    for _ in range(int(random.integers(1, 40))):
        minute += int(random.choice([0, 0, 0, 1, 1, 4, -1]))
        symbol = int(random.integers(0, 3))
        row = Row(minute, symbol, open=9 + symbol)
        fault = int(random.integers(0, 24))
        if fault < 10:
            row = [
                row._replace(high=7), row._replace(low=13), row._replace(close=UNDEFINED_PRICE), row._replace(open=LOWEST),
                row._replace(symbol=UNMAPPED), row._replace(symbol=AMBIGUOUS), row._replace(ts=UNDEFINED_TIME),
                row._replace(ts=row.time + 1), row._replace(minute=2000), row._replace(volume=6),
            ][fault]  # fmt: skip
        elif fault < 12:
            row = row._replace(publisher=2)
        rows += [row] * (2 if fault == 12 else 1)
    assert_like_plainly(rows, int(random.integers(1, len(rows) + 1)))


def test_without_an_end_a_bar_may_be_a_day_ahead_of_the_clock_and_no_more():
    on_time = (NOW + 1440 * MINUTE) // MINUTE * MINUTE
    rows = [Row(ts=on_time), Row(ts=on_time + MINUTE)]
    assert why(checked(rows, end=None)) == {1: "out_of_range"}


@PARTS
def test_gaps_are_counted_between_the_bars_that_stay(part):
    rows = [Row(0), Row(0, 1), Row(1, high=0), Row(2), Row(4), Row(5, 1), Row(5), Row(5, volume=9), Row(9), Row(9, 2)]
    assert checked(rows, part).gaps == Gaps(
        4, 1 + 1 + 4 + 4, Gap("B", 4, datetime(2023, 1, 3, 14, 31, tzinfo=UTC), datetime(2023, 1, 3, 14, 35, tzinfo=UTC))
    )


def test_examples_say_what_was_found_and_expected():
    rows = [
        Row(0, open=1_500_000_000, high=1_000_000_000, low=-250_000_000, close=0),
        Row(1, close=UNDEFINED_PRICE),
        Row(ts=START + 1_000_000),
        Row(5),
        Row(5, volume=6),
        Row(5, 1),
        Row(5, 1),
        Row(4),
        Row(2000),
        Row(6, UNMAPPED),
        Row(6, publisher=1),
        Row(6, publisher=2),
    ]
    found = {
        reason: f"{each.time}: {each.found}; expected {each.expected}" for reason, (each, *_) in checked(rows).examples.items()
    }
    assert found == {
        Reason.HIGH_BELOW: "2023-01-03 14:30:00Z: open 1.5 high 1 low -0.25 close 0; "
        "expected a high that is the highest of the four prices",
        Reason.UNDEFINED_PRICE: "2023-01-03 14:31:00Z: open 0.00000001 high 0.000000012 low 0.000000008 close undefined; "
        "expected four prices",
        Reason.NOT_ON_MINUTE: "2023-01-03 14:30:00.001Z: 2023-01-03 14:30:00.001Z; expected the start of a minute",
        Reason.DUPLICATE: "2023-01-03 14:35:00Z: several bars of the minute, the first in record 3, with other prices or another "
        "volume; expected one bar a symbol and minute",
        Reason.OUT_OF_ORDER: "2023-01-03 14:34:00Z: 2023-01-03 14:34:00Z; "
        "expected a time that is not before 2023-01-03 14:35:00Z",
        Reason.OUT_OF_RANGE: "2023-01-04 23:50:00Z: 2023-01-04 23:50:00Z; "
        "expected a time from 2023-01-03 14:30:00Z until before 2023-01-04 07:10:00Z",
        Reason.UNMAPPED: "2023-01-03 14:36:00Z: no symbol for instrument 7 on that day; expected one symbol",
        Reason.SEVERAL_PUBLISHERS: "2023-01-03 14:36:00Z: several bars of the minute, the first in record 10, of several "
        "publishers; expected one bar a symbol and minute",
    }


@PARTS
def test_too_many_bad_rows_are_not_remembered(part):
    rows = [Row(minute, high=1) for minute in range(20)]
    assert not checked(rows, part, most=20).too_many
    found = checked(rows, part, most=19)
    assert found.too_many
    assert len(found.rejected) == 0
    assert [example.position for example in found.examples[Reason.HIGH_BELOW]] == [0, 1, 2]


@pytest.mark.parametrize("symbols", [1, 50, 70_000, 200_000])
def test_bars_are_ordered_by_symbol_however_many_there_are(symbols):
    codes = np.random.default_rng(symbols).integers(0, symbols, 5000).astype(np.int32)
    assert by_symbol(codes).tolist() == sorted(range(5000), key=lambda at: codes[at])


def test_the_bars_given_are_not_changed():
    given, same = (bars([Row(0), Row(0), Row(0, high=1), Row(0, 1)]) for _ in range(2))
    Checker(NAMES, START, END, NOW).look_at(given)
    assert all((getattr(given, each.name) == getattr(same, each.name)).all() for each in fields(Bars))


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (0, "0"), (1, "0.000000001"), (-1_500_000_000, "-1.5"), (100_000_000_000, "100"), (2**63 - 2, "9223372036.854775806"),
        (UNDEFINED_PRICE, "undefined"),
    ],
)  # fmt: skip
def test_a_price_is_shown_as_people_write_it(units, text):
    assert price_text(units) == text
