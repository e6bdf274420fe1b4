"""Which records count, of which minute, and what is refused."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from stage1.adapters.databento.header import Header, Mapping
from stage1.adapters.databento.tick_reading import NO_PRICE, NO_SIZE, NO_TRADE, OUTSIDE, TickReading
from stage1.errors import BadRows, SymbolUnknown
from stage1.model.periods import Period
from tests.plugins.tick_files import UNDEF, moments, ticks

START, END = moments("2023-01-01", "2024-01-01")
JANUARY = Period(date(2023, 1, 1), date(2023, 2, 1))
NOON = moments("2023-01-03T12:00")[0]
DAYS = moments("2023-01-03T12:00", "2023-01-04T12:00", "2023-01-05T12:00")
SECOND, MINUTE = 1_000_000_000, 60_000_000_000


def reading(*mappings, symbols=("AAPL",), period=JANUARY, end=END):
    known = tuple(
        Mapping("AAPL", date.fromisoformat(first), date.fromisoformat(until), number) for first, until, number in mappings
    )
    header = Header(3, "XNAS.ITCH", "tbbo", START, end, None, "raw_symbol", "instrument_id", False, symbols, (), (), known)
    return TickReading(SimpleNamespace(header=header, path=Path("TBBO.dbn.zst")), "AAPL", period)


def read(records, *mappings, cuts=(), **named):
    found = reading(*(mappings or [("2023-01-01", "2024-01-01", 7)]), **named)
    given = [(part.minute.tolist(), part.column("ts_recv").tolist()) for part in found.ticks(np.split(records, list(cuts)))]
    return found.figures(), [moment for _, part in given for moment in part], [minute for part, _ in given for minute in part]


def test_what_counts_and_what_is_passed_over():
    records = ticks([NOON + number * SECOND for number in range(8)])
    records["action"][1] = b"C"
    records["price"][2] = UNDEF
    records["size"][3] = 0
    records["action"][4], records["size"][4], records["price"][4] = b"R", 0, UNDEF  # one reason each
    records["flags"] = [0, 8, 8, 0, 4, 8, 12, 128]
    records["publisher_id"][6] = 3
    figures, given, minutes = read(records)
    assert given == [NOON + number * SECOND for number in (0, 5, 6, 7)]
    assert minutes == [NOON // MINUTE] * 4
    assert figures == {
        "records": 8,
        "counted": 4,
        "passed_over": {OUTSIDE: 0, NO_TRADE: 2, NO_PRICE: 1, NO_SIZE: 1},
        "flagged": {"bad_ts_recv": 2, "maybe_bad_book": 1},
        "publishers": [2, 3],
    }


@pytest.mark.parametrize("cuts", [(), (1,), (1, 2, 3)])
def test_a_period_has_its_first_moment_and_not_its_last(cuts):
    inside = moments("2023-01-01", "2023-01-31T23:59:59.999999")
    figures, given, _ = read(ticks([*inside, *moments("2023-02-01", "2023-12-31T23:59:59")]), cuts=cuts)
    assert given == inside
    assert (figures["records"], figures["counted"], figures["passed_over"][OUTSIDE]) == (4, 2, 2)


@pytest.mark.parametrize("cuts", [(), (2,)])
def test_within_a_minute_the_order_is_the_file_s(cuts):
    times = [NOON + 30 * SECOND, NOON + 40 * SECOND, NOON, NOON + MINUTE]
    assert read(ticks(times), cuts=cuts)[1] == times


@pytest.mark.parametrize(
    ("times", "cuts", "sentence"),
    [
        (
            [NOON, NOON + MINUTE, NOON + 2 * SECOND],
            (),
            r"record 2 .* goes back to the minute 2023-01-03T12:00:00",
        ),
        ([NOON, NOON + MINUTE, NOON + 2 * SECOND], (2,), r"record 2 \(the first is 0\) goes back"),
        ([NOON, NOON + MINUTE, 2**64 - 1], (1,), r"record 2 \(the first is 0\) has no ts_recv"),
        ([START - 1, NOON], (), "record 0 .* has the ts_recv 2022-12-31T23:59:59.999999999Z"),
        ([NOON, END], (1,), "record 1 .* has the ts_recv 2024-01-01T00:00:00.000000000Z"),
        ([NOON, 2**64 - 2], (), "record 1 .* has the ts_recv 2554-07-21"),
    ],
)
def test_a_time_that_cannot_be_is_refused(times, cuts, sentence):
    with pytest.raises(BadRows, match=sentence):
        read(ticks(times), cuts=cuts)


def test_a_header_without_an_end_bounds_nothing_but_the_undefined():
    assert read(ticks([NOON, END + 1]), ("2023-01-01", "2025-01-01", 7), end=None)[1] == [NOON]
    with pytest.raises(BadRows, match="no ts_recv"):
        read(ticks([NOON, 2**64 - 1]), end=None)


def test_a_continuous_symbol_changes_its_instrument_between_days():
    records = ticks(DAYS)
    records["instrument_id"] = [7, 9, 9]
    for cuts in ((), (1,), (1, 2)):
        figures, *_ = read(records, ("2023-01-01", "2023-01-04", 7), ("2023-01-04", "2023-02-01", 9), cuts=cuts)
        assert figures["counted"] == 3


def test_a_header_may_know_nothing_of_days_without_records():
    figures, *_ = read(ticks(DAYS[::2]), ("2023-01-03", "2023-01-04", 7), ("2023-01-05", "2023-01-06", 7))
    assert figures["counted"] == 2


@pytest.mark.parametrize("cuts", [(), (1,), (2,)])
def test_two_instruments_on_a_day_are_refused(cuts):
    records = ticks([NOON, NOON + 1, NOON + 2])
    records["instrument_id"] = [7, 7, 9]
    both = [("2023-01-01", "2024-01-01", number) for number in (7, 9)]
    with pytest.raises(SymbolUnknown, match="two instruments on 2023-01-03: 7 and 9, with record 2"):
        read(records, *both, cuts=cuts)


@pytest.mark.parametrize(
    ("mappings", "day"),
    [
        ([("2023-01-01", "2024-01-01", 8)], "2023-01-03"),
        ([("2023-01-01", "2023-01-04", 7)], "2023-01-04"),
        ([("2023-01-01", "2023-01-04", 7), ("2023-01-05", "2023-02-01", 7)], "2023-01-04"),
    ],
)
@pytest.mark.parametrize("cuts", [(), (1,)])
def test_an_instrument_that_the_header_does_not_know_is_refused(mappings, day, cuts):
    with pytest.raises(SymbolUnknown, match=f"the instrument 7 on {day}"):
        read(ticks(DAYS), *mappings, cuts=cuts)


@pytest.mark.parametrize("symbols", [(), ("MSFT",), ("AAPL", "MSFT")])
def test_a_file_of_other_symbols_is_refused(symbols):
    with pytest.raises(SymbolUnknown, match="Expected the symbol AAPL and no other"):
        reading(symbols=symbols)
