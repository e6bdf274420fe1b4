"""Stored bars as numbers: every value that fits is exact, every other one is refused with its bar named."""

import struct
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from stage1.database.bar_decoding import decode
from stage1.database.bar_reading import BarSpan
from stage1.errors import ArgumentInvalid, ArgumentMissing, BadRows, SpanInverted
from stage1.operations.arrow_bars import decimals
from stage1.operations.read_bars import floats, moment

MOMENT = datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
LARGEST = 2**63 - 2
UNITS = [0, 1, -1, 10, 999, 1000, 10**5, 10**9 - 1, 10**9, 10**13, 4500_250000000, -37_630000000, 123_456789012, 2**53 + 1]
UNITS += [10**power * sign for power in range(19) for sign in (1, -1)] + [LARGEST, -LARGEST, LARGEST - 7, 2**63 - 1]
VOLUMES = [0, 1, 9999, 10_000, 10_001, 10**8, 10**16 - 1, 10**16, 2**63, 2**64 - 2, 2**64 - 1]


def numeric(value: Decimal | str | None) -> bytes:
    """A numeric on the wire, as numeric_send writes it."""
    if value is None:
        return struct.pack(">i", -1)
    if value in ("NaN", "Infinity"):
        return struct.pack(">ihhHh", 8, 0, 0, {"NaN": 0xC000, "Infinity": 0xD000}[value], 0)
    value = Decimal(value)
    whole, _, part = f"{value.copy_abs():f}".partition(".")
    digits = whole.zfill(-(-len(whole) // 4) * 4) + part.ljust(-(-len(part) // 4) * 4, "0")
    groups = [int(digits[at : at + 4]) for at in range(0, len(digits), 4)]
    weight = -(-len(whole) // 4) - 1
    while groups and groups[0] == 0:
        groups, weight = groups[1:], weight - 1
    while groups and groups[-1] == 0:
        groups.pop()
    head = (len(groups), weight if groups else 0, 0x4000 if value < 0 else 0, len(part))
    return struct.pack(f">ihhHh{len(groups)}h", 8 + 2 * len(groups), *head, *groups)


def row(*numbers, ts=MOMENT):
    """A row of binary COPY; without numbers, prices are 1 and the volume is 1."""
    microseconds = ts if isinstance(ts, int) else (ts - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return struct.pack(">hiq", 6, 8, microseconds) + b"".join(map(numeric, numbers or ["1"] * 5))


def decoded(rows):
    return decode(b"".join(rows), [len(each) for each in rows])


def test_every_price_is_exact_alone_and_among_all_others():
    rows = [row(*[Decimal(units).scaleb(-9)] * 4, Decimal(1)) for units in UNITS]
    for found, expected in [(decoded(rows), UNITS), *((decoded([one]), [units]) for one, units in zip(rows, UNITS, strict=True))]:
        for name in ("open", "high", "low", "close"):
            assert getattr(found, name).tolist() == expected


def test_every_volume_is_exact_and_a_null_is_none():
    given = [*VOLUMES, None, 7]
    found = decoded([row("1", "1", "1", "1", None if volume is None else Decimal(volume)) for volume in given])
    assert [None if null else volume for volume, null in zip(found.volume.tolist(), found.volume_is_null, strict=True)] == given
    assert decoded([row("1", "1", "1", "1", Decimal(volume)) for volume in VOLUMES]).volume_is_null is None
    assert decoded([row("-1", "1", "1", "1", None)]).open.tolist() == [-(10**9)]


def test_columns_are_not_mixed_up():
    found = decoded([row("1.5", "20000.25", "-3", "0.000000001", "5"), row("7", "8", "9", "10", "11")])
    assert (found.open.tolist(), found.high.tolist()) == ([1_500000000, 7 * 10**9], [20_000_250000000, 8 * 10**9])
    assert (found.low.tolist(), found.close.tolist()) == ([-3 * 10**9, 9 * 10**9], [1, 10**10])
    assert found.volume.tolist() == [5, 11]


@pytest.mark.parametrize(
    "ts",
    [MOMENT, datetime(1970, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 23, 59, tzinfo=UTC), datetime(2261, 12, 31, tzinfo=UTC)],
)
def test_times_are_exact(ts):
    assert decoded([row(ts=ts)]).ts.view("M8[ns]").tolist() == [
        (ts - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    ]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (("1", "1.0000000001", "1", "1", "1"), "The high of the bar at 2024-02-29T23:59:00+00:00 is 1.0000000001"),
        (("0.00000000001", "1", "1", "1", "1"), "The open of the bar at 2024-02-29T23:59:00+00:00 is 0.00000000001"),
        (("1", "1", "1", "-9223372036.854775808", "1"), "is -9223372036.854775808"),
        (("1", "1", "9223372036.854775808", "1", "1"), "is 9223372036.854775808"),
        (("93" + "0" * 8, "1", "1", "1", "1"), "is 9300000000;"),
        (("1" + "0" * 12, "1", "1", "1", "1"), "is 1000000000000;"),
        (("9" * 50, "1", "1", "1", "1"), f"is {'9' * 50};"),
        (("NaN", "1", "1", "1", "1"), "is not a finite number"),
        (("1", "Infinity", "1", "1", "1"), "is not a finite number"),
        (("1", None, "1", "1", "1"), "is null; a price was expected"),
        (("1", "1", "1", "1", "0.5"), "is 0.5; a whole number from 0 to 18446744073709551615"),
        (("1", "1", "1", "1", "-1"), "is -1;"),
        (("1", "1", "1", "1", "18446744073709551616"), "is 18446744073709551616;"),
        (("1", "1", "1", "1", "18449999999999999999"), "is 18449999999999999999;"),
        (("1", "1", "1", "1", "1" + "0" * 24), "The volume of the bar"),
        (("1", "1", "1", "1", "NaN"), "is not a finite number"),
    ],
)
@pytest.mark.parametrize("before", [0, 3], ids=["first", "later"])
def test_a_value_that_does_not_fit_is_refused_by_its_bar(numbers, said, before):
    with pytest.raises(BadRows) as refused:
        decoded([row(ts=MOMENT - timedelta(days=1))] * before + [row(*numbers), row("1", "2", "3", "4", "5")])
    assert said in refused.value.message
    assert "2024-02-29T23:59:00+00:00" in refused.value.message


@pytest.mark.parametrize("ts", [2**63 - 1, -(2**63), 9_000_000_000_000_000, -11_000_000_000_000_000])
def test_a_time_that_nanoseconds_cannot_count_is_refused(ts):
    with pytest.raises(BadRows, match="1678 to 2261"):
        decoded([row(), row(ts=ts)])


@pytest.mark.parametrize("damage", [lambda one: one[:-2], lambda one: one + b"\0\0", lambda one: b"\0\5" + one[2:]])
def test_bytes_that_are_no_rows_are_a_bug(damage):
    with pytest.raises(ValueError, match="binary COPY"):
        decoded([row(), damage(row()), row()])


def test_decimals_are_the_same_numbers():
    assert decimals(np.array(UNITS, np.int64)).to_pylist() == [Decimal(units).scaleb(-9) for units in UNITS]


def test_floats_are_the_nearest():
    random = np.random.default_rng(7).integers(-(2**63) + 1, 2**63 - 1, 20_000) >> np.arange(20_000) % 50
    units = np.array([*UNITS, *random.tolist(), 2**53 * 10**3 + 1, -(2**62) - 1], np.int64)
    assert floats(units).tolist() == [float(Decimal(int(unit)).scaleb(-9)) for unit in units]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("2023-01-03", datetime(2023, 1, 3, tzinfo=UTC)),
        ("2023-01-03T14:30Z", datetime(2023, 1, 3, 14, 30, tzinfo=UTC)),
        ("2023-03-12T03:00:00-04:00", datetime(2023, 3, 12, 7, tzinfo=UTC)),
        (np.datetime64("2023-01-03T14:30"), datetime(2023, 1, 3, 14, 30, tzinfo=UTC)),
        (pd.NaT, None),
        (date(2024, 2, 29), datetime(2024, 2, 29, tzinfo=UTC)),
        (datetime(2023, 1, 3, 1), datetime(2023, 1, 3, 1, tzinfo=UTC)),  # noqa: DTZ001 - without an offset, on purpose
        (datetime(2023, 1, 3, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))), datetime(2023, 1, 2, 19, 30, tzinfo=UTC)),
    ],
)
def test_a_bound_is_given_in_any_form(given, expected):
    assert moment("start", given) == expected


def test_what_is_no_span_is_refused():
    with pytest.raises(ArgumentInvalid, match="start was 'yesterday'"):
        moment("start", "yesterday")
    with pytest.raises(ArgumentInvalid, match="end was 20230103"):
        moment("end", 20230103)
    with pytest.raises(SpanInverted):
        BarSpan("A", MOMENT, MOMENT - timedelta(minutes=1))
    with pytest.raises(ArgumentMissing):
        BarSpan("")
    for symbol in ("a\0b", "a\udcffb"):
        with pytest.raises(ArgumentInvalid):
            BarSpan(symbol)
