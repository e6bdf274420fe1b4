"""Names of periods and symbols in paths and slugs: no two of them share one."""

import calendar
import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from stage1.errors import UsageRefused
from stage1.model.periods import Period, nanoseconds, safe_name


@pytest.mark.parametrize("year", [1970, 1999, 2000, 2023, 2024, 2100, 2261])
def test_a_year(year):
    period = Period.year(year)
    assert (period.name, period.slug("AAPL"), period.is_year) == (str(year), f"AAPL-{year}-1m", True)
    assert (period.start, period.end) == (datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    assert (period.until - period.first).days == 365 + calendar.isleap(year)
    months = list(period.months())
    assert [month.first.month for month in months] == list(range(1, 13))
    assert [(month.until - month.first).days for month in months] == [
        calendar.monthrange(year, number)[1] for number in range(1, 13)
    ]


@pytest.mark.parametrize(
    ("first", "until", "name"),
    [
        (date(2023, 1, 1), date(2023, 12, 31), "2023-01-01_2023-12-31"),
        (date(2023, 1, 2), date(2024, 1, 1), "2023-01-02_2024-01-01"),
        (date(2023, 1, 1), date(2025, 1, 1), "2023-01-01_2025-01-01"),
        (date(2024, 2, 29), date(2024, 3, 1), "2024-02-29_2024-03-01"),
        (date(2023, 7, 1), date(2024, 7, 1), "2023-07-01_2024-07-01"),
    ],
)
def test_another_range(first, until, name):
    period = Period(first, until)
    assert (period.name, period.is_year, period.slug("ES.c.0")) == (name, False, f"ES.c.0-{name.replace('_', '-')}-1m")


@pytest.mark.parametrize("first", [date(2023, 12, 31), date(2024, 2, 28), date(2024, 1, 1)])
@pytest.mark.parametrize("days", [1, 2, 33, 400])
def test_months_are_the_period_cut(first, days):
    period = Period(first, first + timedelta(days))
    months = list(period.months())
    assert (months[0].first, months[-1].until) == (period.first, period.until)
    assert all(one.until == other.first and other.first.day == 1 for one, other in itertools.pairwise(months))
    assert all(
        (month.first.year, month.first.month) == ((last := month.until - timedelta(1)).year, last.month) for month in months
    )


@pytest.mark.parametrize(
    ("first", "until"),
    [
        (date(2023, 1, 1), date(2023, 1, 1)),
        (date(2023, 1, 2), date(2023, 1, 1)),
        (date(1969, 12, 31), date(1970, 1, 2)),
        (date(2261, 12, 31), date(2262, 1, 2)),
    ],
)
def test_what_is_no_period(first, until):
    with pytest.raises(UsageRefused):
        Period(first, until)


def test_nanoseconds_are_exact():
    moment = datetime(2023, 6, 1, 12, 34, 56, 789_012, tzinfo=UTC)
    assert nanoseconds(moment) == 1_685_622_896_789_012_000
    assert nanoseconds(datetime(2261, 12, 31, tzinfo=UTC)) < 1 << 63


def test_no_two_symbols_share_a_name_and_none_is_a_path():
    letters = "A a.%/\\2FE~\u00e4_-+=:*\x7f"
    symbols = ["".join(parts) for length in (1, 2, 3) for parts in itertools.product(letters, repeat=length)]
    names = {}
    for symbol in symbols:
        try:
            name = safe_name(symbol)
        except UsageRefused:
            assert symbol != symbol.strip() or "\x7f" in symbol
            continue
        assert names.setdefault(name, symbol) == symbol
        assert name.isascii()
        assert not name.startswith(".")
        assert not set(name) & set("/\\ :*~\x7f\0")
    assert len(names) > 4_000


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("AAPL", "AAPL"),
        ("ES.c.0", "ES.c.0"),
        ("BRK/B", "BRK%2FB"),
        ("..", "%2E."),
        (".", "%2E"),
        ("A%2FB", "A%252FB"),
        ("\u00e4", "%C3%A4"),
    ],
)
def test_safe_names(symbol, name):
    assert safe_name(symbol) == name


def test_the_longest_symbol_is_a_name_of_a_folder(tmp_path):
    (tmp_path / safe_name("/" * 70)).mkdir()
    for long in ("/" * 71, "\u00e4" * 36):
        with pytest.raises(UsageRefused):
            safe_name(long)
