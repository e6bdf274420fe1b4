"""A file that somebody put into its place: proven and taken over, extended, or refused and left as it is."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from stage1.model.periods import Period
from stage1.operations.data_folder import DataFolder
from tests.plugins import dbn_files
from tests.plugins.dbn_files import Header
from tests.plugins.fetched_files import YEAR_FOLDER, records_in, tree
from tests.standin.market import TRADES, Market, days

YEAR = ("--symbol", "AAPL", "--year", "2023", "--products", "TRADES")
NUMBER = 7
HEADER = Header(
    dataset="XNAS.ITCH",
    schema="trades",
    start=datetime(2023, 1, 1, tzinfo=UTC),
    end=datetime(2024, 1, 1, tzinfo=UTC),
    mappings={"AAPL": [(date(2023, 1, 1), date(2024, 1, 1), NUMBER)]},
)


def until(end: datetime, start: datetime = HEADER.start) -> Header:
    """The header of a part of the year."""
    return replace(HEADER, start=start, end=end, mappings={"AAPL": [(start.date(), end.date(), NUMBER)]})


def trades(market: Market, header: Header = HEADER) -> np.ndarray:
    """The vendor's own records of the header's days."""
    assert header.end
    of_days = days(header.start.date(), header.end.date())
    return np.concatenate([market.records("trades", "XNAS.ITCH", "AAPL", day, NUMBER) for day in of_days])


@pytest.fixture
def place(data):
    path = DataFolder(data).raw_file("AAPL", Period.year(2023), "TRADES")
    path.parent.mkdir(parents=True)
    return path


def put(place, records, header=HEADER, **form):
    """Writes it, compressed or not, under the name that it must have."""
    if form.pop("compressed", True):
        dbn_files.write(place, records, header, **form)
    else:
        place.write_bytes(header.encode() + records.tobytes())
    return place.read_bytes()


@pytest.mark.parametrize(
    "form",
    [{"frames": 1}, {"frames": 5}, {"compressed": False}, {"checksum": False}],
    ids=["one frame", "several frames", "uncompressed", "without checksums"],
)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_whole_one_is_taken_over(form, version, fetch, vendor, data, place):
    records = trades(vendor.service.market)
    content = put(place, records, replace(HEADER, version=version), **form)
    asked_before = fetch(*YEAR, "--dry-run", DATABENTO_API_KEY="").json
    assert set(tree(data)) == {f"{YEAR_FOLDER}/TRADES.dbn.zst"}
    ended = fetch(*YEAR, DATABENTO_API_KEY="")
    assert [asked_before[0]["status"], ended.json[0]["status"]] == ["adopted", "adopted"]
    assert ended.json[0]["records"] == len(records)
    assert "put there by somebody else" in ended.stderr
    assert place.read_bytes() == content
    assert fetch(*YEAR, DATABENTO_API_KEY="").json[0]["status"] == "whole"
    assert vendor.journal.entries() == []


PARTS = {
    "from 3 January on": until(datetime(2024, 1, 1, tzinfo=UTC), datetime(2023, 1, 3, tzinfo=UTC)),
    "until March": until(datetime(2023, 3, 11, tzinfo=UTC)),
    "in the middle": until(datetime(2023, 8, 2, tzinfo=UTC), datetime(2023, 7, 12, tzinfo=UTC)),
}


@pytest.mark.parametrize("form", [{"frames": 1}, {"frames": 5}, {"compressed": False}], ids=["one", "several", "uncompressed"])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_extended_and_nothing_of_it_paid_for(part, form, fetch, vendor, data, place, twin):
    header = PARTS[part]
    put(place, trades(vendor.service.market, header), header, **form)
    ended = fetch(*YEAR)
    assert ended.json[0]["status"] == "extended"
    whole = twin(*YEAR)[f"{YEAR_FOLDER}/TRADES.dbn.zst"]
    place.with_name("whole.dbn.zst").write_bytes(whole)
    found = np.frombuffer(records_in(place), TRADES).copy()
    expected = np.frombuffer(records_in(place.with_name("whole.dbn.zst")), TRADES).copy()
    found["instrument_id"] = expected["instrument_id"] = 0
    assert found.tobytes() == expected.tobytes()
    first, end = (dbn_files.nanoseconds(moment) for moment in (header.start, header.end))
    assert all(entry.range.end <= first or entry.range.start >= end for entry in vendor.journal.downloads())
    asked = len(vendor.journal.entries())
    assert fetch(*YEAR, DATABENTO_API_KEY="").json[0]["status"] == "whole"
    assert len(vendor.journal.entries()) == asked


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (replace(HEADER, dataset="EQUS.MINI"), "is of the vendor dataset EQUS.MINI; XNAS.ITCH was asked for"),
        (replace(HEADER, mappings={"MSFT": HEADER.mappings["AAPL"]}), "is of the symbol MSFT; AAPL was asked for"),
        (replace(HEADER, mappings={**HEADER.mappings, "MSFT": []}), "is of the symbol AAPL MSFT"),
        (replace(HEADER, stype_in="continuous"), "is of the kind of symbol (stype_in) continuous"),
        (replace(HEADER, schema="tbbo"), "is of the schema tbbo"),
        (replace(HEADER, limit=10**6), "a limit of 1,000,000 records"),
        (replace(HEADER, end=None), "until no end"),
        (replace(HEADER, start=datetime(2022, 12, 31, tzinfo=UTC)), "is of the range from 2022-12-31"),
        (replace(HEADER, end=datetime(2024, 1, 2, tzinfo=UTC)), "until 2024-01-02"),
    ],
    ids=["dataset", "symbol", "symbols", "stype_in", "schema", "limit", "no end", "too early", "too late"],
)
def test_one_of_something_else_is_refused_and_left(header, words, fetch, vendor, data, place):
    records = trades(vendor.service.market, until(datetime(2023, 2, 1, tzinfo=UTC)))
    put(place, records, header)
    before = tree(data)
    ended = fetch(*YEAR, "--dataset", "XNAS.ITCH", "--stype-in", "raw_symbol", exit_code=3)
    assert words in ended.stderr
    assert tree(data) == before
    assert vendor.journal.downloads() == []


def cut(content):
    return content[:-9]


def altered(content):
    return content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1]) + content[len(content) // 2 + 1 :]


@pytest.mark.parametrize(
    "damage",
    [cut, altered, lambda _: b"", lambda _: b"\x28\xb5\x2f\xfd", lambda _: bytes(5_000)],
    ids=["cut", "altered", "empty", "begun", "zeros"],
)
def test_a_damaged_one_is_refused_and_left(damage, fetch, vendor, data, place):
    content = put(place, trades(vendor.service.market))
    place.write_bytes(damage(content))
    before = tree(data)
    for _ in range(2):
        ended = fetch(*YEAR, exit_code=3)
        assert "Move it away, or fetch it again with --force, which costs money." in ended.stderr
    assert tree(data) == before
    assert vendor.journal.downloads() == []
    assert fetch(*YEAR, "--force").json[0]["status"] == "fetched"
    assert len(vendor.journal.downloads()) == 12


def test_records_outside_of_what_the_header_says(fetch, vendor, data, place):
    put(place, trades(vendor.service.market), until(datetime(2023, 6, 1, tzinfo=UTC)))
    assert "outside of the range" in fetch(*YEAR, exit_code=3).stderr
    assert vendor.journal.downloads() == []


def test_a_file_that_was_fetched_and_then_exchanged_or_cut(fetch, vendor, data):
    fetch(*YEAR)
    path = data / YEAR_FOLDER / "TRADES.dbn.zst"
    content = path.read_bytes()
    path.write_bytes(cut(content))
    assert "cut short" in fetch(*YEAR, exit_code=3).stderr
    assert path.read_bytes() == cut(content)
    path.write_bytes(content)
    assert fetch(*YEAR, DATABENTO_API_KEY="").json[0]["status"] == "whole"
    other = put(path, trades(vendor.service.market))
    assert fetch(*YEAR, DATABENTO_API_KEY="").json[0]["status"] == "adopted"
    assert path.read_bytes() == other


@pytest.mark.parametrize(
    "broken", [b"", b"{}", b"[1]", b'{"format": "stage1-fetch/1"}', b"\xff", b"[" * 50_000], ids=lambda broken: repr(broken)[:20]
)
def test_a_record_that_cannot_be_read_costs_no_money(broken, fetch, vendor, data):
    fetch(*YEAR)
    (data / YEAR_FOLDER / "TRADES.json").write_bytes(broken)
    (data / YEAR_FOLDER / ".known.json").write_bytes(broken)
    assert fetch(*YEAR, DATABENTO_API_KEY="").json[0]["status"] == "adopted"
    assert vendor.journal.asked_twice() == []


def test_the_dataset_of_what_is_there_is_the_default(fetch, vendor, data):
    fetch(*YEAR, "--dataset", "EQUS.MINI")
    [trades_row, quotes] = fetch(*YEAR[:4]).json
    assert [trades_row["status"], quotes["status"]] == ["whole", "fetched"]
    assert {entry.form["dataset"] for entry in vendor.journal.downloads()} == {"EQUS.MINI"}
    ended = fetch(*YEAR, "--dataset", "XNAS.ITCH", exit_code=3)
    assert "is of the vendor dataset EQUS.MINI; XNAS.ITCH was asked for" in ended.stderr


def test_the_files_of_another_period_with_their_records(fetch, vendor, data):
    fetch("--symbol", "AAPL", "--year", "2022", "--products", "TRADES")
    (data / "raw/databento/AAPL/2022").rename(data / YEAR_FOLDER)
    before, asked = tree(data), len(vendor.journal.entries())
    ended = fetch(*YEAR, exit_code=3)
    assert "is of the period 2022; 2023 was asked for" in ended.stderr
    assert tree(data) == before
    assert len(vendor.journal.entries()) == asked
