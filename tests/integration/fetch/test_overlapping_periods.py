"""Periods that overlap: what was fetched for one of them is not paid for again for another."""

from dataclasses import replace
from datetime import date

import numpy as np

from tests.plugins.fetched_files import QUARTER, QUARTER_FOLDER, YEAR_FOLDER, records_in
from tests.standin import market

YEAR = ("--symbol", "AAPL", "--year", "2023", "--products", "TRADES")


def trades(vendor, first, until):
    days = (vendor.service.market.records("trades", "XNAS.ITCH", "AAPL", day, 1) for day in market.days(first, until))
    return np.concatenate(list(days))


def without_instrument(content):
    found = np.frombuffer(content, market.TRADES).copy()
    found["instrument_id"] = 1
    return found


def test_a_year_takes_the_months_that_a_part_of_it_has_brought(fetch, vendor, data):
    fetch(*QUARTER)
    vendor.journal.clear()
    [made] = fetch(*YEAR).json
    assert made["requests"] == 9
    starts = sorted(entry.form["start"][:7] for entry in vendor.journal.downloads())
    assert starts == [f"2023-{month:02}" for month in range(4, 13)]
    whole = without_instrument(records_in(data / YEAR_FOLDER / "TRADES.dbn.zst"))
    assert np.array_equal(whole, trades(vendor, date(2023, 1, 1), date(2024, 1, 1)))
    assert (data / QUARTER_FOLDER / "TRADES.dbn.zst").exists()


def test_a_range_over_new_year_takes_both_years(fetch, vendor, data):
    for year in ("2023", "2024"):
        fetch("--symbol", "AAPL", "--year", year, "--products", "TRADES")
    vendor.journal.clear()
    [made] = fetch("--symbol", "AAPL", "--from", "2023-12-01", "--until", "2024-02-01", "--products", "TRADES").json
    assert (made["requests"], made["dollars"]) == (0, "0.0000")
    assert vendor.journal.downloads() == []
    found = without_instrument(records_in(data / "raw/databento/AAPL/2023-12-01_2024-02-01/TRADES.dbn.zst"))
    assert np.array_equal(found, trades(vendor, date(2023, 12, 1), date(2024, 2, 1)))


def test_what_was_exchanged_or_is_of_another_dataset_is_not_taken(fetch, vendor, data):
    fetch(*QUARTER, "--dataset", "XNAS.BASIC")
    vendor.journal.clear()
    [made] = fetch(*YEAR, "--dataset", "XNAS.ITCH").json
    assert made["requests"] == 12


def test_days_that_the_vendor_corrected_since_are_not_mixed_with_old_ones(fetch, vendor, data):
    fetch(*QUARTER)
    vendor.service.market = type(vendor.service.market)(trades_a_day=21)
    refused = fetch(*YEAR, exit_code=3)
    assert "the vendor counts" in refused.stderr
    assert "--force" in refused.stderr
    assert not (data / YEAR_FOLDER / "TRADES.dbn.zst").exists()


def test_an_adopted_file_that_begins_with_the_vendors_data_becomes_ready(fetch, vendor, data):
    vendor.service.market = replace(vendor.service.market, opened=date(2023, 6, 1))
    fetch("--symbol", "AAPL", "--from", "2023-06-01", "--until", "2024-01-01", "--products", "TRADES")
    found = data / "raw/databento/AAPL/2023-06-01_2024-01-01/TRADES.dbn.zst"
    (data / YEAR_FOLDER).mkdir()
    found.rename(data / YEAR_FOLDER / found.name)
    fetch(*YEAR)
    asked = len(vendor.journal.entries())
    assert "is there and whole" in fetch(*YEAR).stderr
    assert len(vendor.journal.entries()) == asked
    assert len(vendor.journal.downloads()) == 7
