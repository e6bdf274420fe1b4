"""Symbols that are renamed, continuous, unknown, or unsafe as a path; and counts that the vendor corrects."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from stage1.model.periods import safe_name
from tests.plugins.fetched_files import QUARTER, QUARTER_FOLDER, small_vendor, tree
from tests.standin import faults
from tests.standin.market import Listing
from tests.standin.vendor import Vendor

YEAR = ("--year", "2023", "--products", "TRADES")
UNSAFE = ["BRK/B", "../X", ".", "..", "BRK B", "-X", "A%2FB", "A\\B", "/" * 70]
LISTINGS = {
    "FB": [Listing(date(2018, 5, 1), date(2023, 6, 9), 11)],
    "META": [Listing(date(2023, 6, 9), date(2030, 1, 1), 12)],
    "GAP": [Listing(date(2018, 5, 1), date(2023, 3, 3), 21), Listing(date(2023, 8, 15), date(2030, 1, 1), 22)],
    "ES.c.0": [Listing(date(2022, 12, 16), date(2023, 3, 17), 31), Listing(date(2023, 3, 17), date(2024, 1, 1), 32)],
    **{symbol: [Listing(date(2018, 5, 1), date(2030, 1, 1), 40 + number)] for number, symbol in enumerate(UNSAFE)},
}


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with small_vendor(listings=LISTINGS, unknown=("NOPE",)) as serving:
        yield serving


def kept(data, symbol, year="2023"):
    return json.loads((data / "raw" / "databento" / safe_name(symbol) / year / "TRADES.json").read_text())


@pytest.mark.parametrize(
    ("symbol", "requests"), [("FB", 6), ("META", 7), ("GAP", 8)], ids=["ends in June", "begins in June", "gone for months"]
)
def test_a_symbol_that_is_one_on_some_days_only(symbol, requests, fetch, vendor, data):
    ended = fetch("--symbol", symbol, *YEAR)
    [row] = ended.json
    assert (row["status"], row["requests"]) == ("fetched", requests)
    assert kept(data, symbol)["partial"] == [symbol]
    assert kept(data, symbol)["status"] == "READY"
    assert f"{symbol} only on some of the days" in ended.stderr
    assert fetch("--symbol", symbol, *YEAR, DATABENTO_API_KEY="").json[0]["status"] == "whole"


def test_a_continuous_symbol_keeps_its_small_letter(fetch, vendor, data):
    ended = fetch("--symbol", "ES.c.0", *YEAR, "--dataset", "GLBX.MDP3", "--stype-in", "continuous")
    assert ended.json[0]["requests"] == 12
    assert (kept(data, "ES.c.0")["partial"], kept(data, "ES.c.0")["wanted"]["stype_in"]) == ([], "continuous")
    assert "only on some" not in ended.stderr
    again = fetch("--symbol", "ES.c.0", *YEAR, DATABENTO_API_KEY="")
    assert again.json[0]["status"] == "whole"


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        ("NOPE", "raw_symbol"),
        ("aapl", "raw_symbol"),
        ("\u00dcB", "raw_symbol"),
        ("%41APL", "raw_symbol"),
        ("ES.c.0", "raw_symbol"),
    ],
)
def test_a_symbol_that_the_vendor_does_not_know(symbol, kind, fetch, vendor, data):
    ended = fetch("--symbol", symbol, *YEAR, "--stype-in", kind, exit_code=1)
    assert f"does not know {symbol} ({kind}) in 2023" in ended.stderr
    assert vendor.journal.downloads() == []
    assert not data.exists()


def test_one_of_several_is_unknown_and_the_others_are_fetched(fetch, vendor, data):
    ended = fetch("--symbol", "NOPE,AAPL", *QUARTER[2:], exit_code=1)
    assert {row["symbol"]: row["status"] for row in ended.json} == {"NOPE": "failed", "AAPL": "fetched"}
    assert {path.name for path in (data / "raw" / "databento").iterdir()} == {"AAPL"}


@pytest.mark.parametrize("symbol", UNSAFE)
def test_symbols_that_are_no_names_of_folders(symbol, fetch, vendor, data, tmp_path):
    before = set(tmp_path.iterdir())
    fetch("--symbol", symbol, *QUARTER[2:])
    folder = safe_name(symbol)
    assert set(tree(data)) == {f"raw/databento/{folder}/2023-01-01_2023-04-01/TRADES.{form}" for form in ("dbn.zst", "json")}
    assert set(tmp_path.iterdir()) - before == {data}
    assert {entry.form["symbols"] for entry in vendor.journal.downloads()} == {symbol}
    assert fetch("--symbol", symbol, *QUARTER[2:], DATABENTO_API_KEY="").json[0]["status"] == "whole"


@pytest.mark.parametrize("symbol", ["", " ", ",", "A,,B", "a\nb", "a\0b", "x" * 71, "\u00e4" * 36, "\udcff", "a\u200bb"])
def test_what_is_no_symbol(symbol, fetch, vendor, data):
    fetch("--symbol", symbol, *QUARTER[2:], exit_code=2)
    assert vendor.journal.entries() == []
    assert not data.exists()


# -- counts -------------------------------------------------------------------------------------------------------------------


@contextmanager
def counted(vendor, change):
    """The vendor counts something else."""
    real = vendor.service.get_record_count
    vendor.service.get_record_count = lambda form: real(form) + (change if form["start"].startswith("2023-02") else 0)
    yield
    del vendor.service.get_record_count


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_another_number_of_records_than_the_vendor_counts(change, framing, fetch, vendor, data, twin):
    vendor.faults.add(faults.framed(framing), times=float("inf"))
    with counted(vendor, change):
        ended = fetch(*QUARTER, exit_code=3)
    assert "records arrived, and the vendor counts" in ended.stderr
    assert not list(data.rglob("20230201*"))
    # The second run takes what the vendor counts by then.
    fetch(*QUARTER)
    name = f"{QUARTER_FOLDER}/TRADES.dbn.zst"
    assert tree(data)[name] == twin(*QUARTER)[name]


@pytest.mark.parametrize("change", [-1, 1])
def test_a_count_that_is_corrected_meanwhile_is_right_and_paid_once(change, fetch, vendor, data, twin):
    # Planned while the count was another one, and interrupted before anything arrived.
    vendor.faults.add(faults.refused(422, "odd"), start="2023-01")
    with counted(vendor, change):
        fetch(*QUARTER, exit_code=3)
    vendor.faults.add(faults.refused(422, "odd"), start="2023-03")
    fetch(*QUARTER, exit_code=3)
    fetch(*QUARTER)
    name = f"{QUARTER_FOLDER}/TRADES.dbn.zst"
    assert tree(data)[name] == twin(*QUARTER)[name]
    assert vendor.journal.asked_twice() == []
