"""A period that is not over: PARTIAL up to the vendor's end, extended by the next runs, and in the end as if fetched at once."""

import json
from datetime import UTC, date, datetime

import pytest

from tests.plugins.fetched_files import QUARTER, QUARTER_FOLDER, plain, records_in, tree
from tests.standin import faults

FILE, RECORD = f"{QUARTER_FOLDER}/TRADES.dbn.zst", f"{QUARTER_FOLDER}/TRADES.json"
ENDS = [
    datetime(2023, 1, 20, 15, 42, 7, tzinfo=UTC),
    datetime(2023, 1, 20, 15, 43, 1, tzinfo=UTC),
    datetime(2023, 1, 21, 3, 0, tzinfo=UTC),  # a Saturday: nothing is added
    datetime(2023, 2, 1, tzinfo=UTC),
    datetime(2023, 3, 8, 0, 0, 59, tzinfo=UTC),
    datetime(2023, 3, 31, 23, 59, 59, tzinfo=UTC),
]


def kept(data):
    return json.loads((data / RECORD).read_text())


def test_a_quarter_is_extended_until_it_is_over(fetch, vendor, data, twin, tmp_path):
    for end in ENDS:
        vendor.service.available_end = end
        [row] = fetch(*QUARTER).json
        assert row["status"] == ("fetched" if end is ENDS[0] else "extended")
        assert kept(data)["status"] == "PARTIAL"
        assert kept(data)["end"] == end.replace(second=0).isoformat()
        before = tree(data)
        [row] = fetch(*QUARTER).json
        assert (row["status"], row["requests"]) == ("whole", 0)
        assert tree(data) == before
    vendor.service.available_end = datetime(2024, 1, 1, tzinfo=UTC)
    fetch(*QUARTER)
    assert kept(data)["status"] == "READY"
    fetch(*QUARTER, DATABENTO_API_KEY="")
    assert vendor.journal.asked_twice() == []
    at_once = tmp_path / "at-once.dbn.zst"
    at_once.write_bytes(twin(*QUARTER)[FILE])
    assert records_in(data / FILE) == records_in(at_once)
    header, expected = (plain(path.read_bytes()).removesuffix(records_in(path)) for path in (data / FILE, at_once))
    assert header == expected
    assert set(tree(data)) == {FILE, RECORD}


def test_an_interrupted_extension_goes_on_and_keeps_the_file_until_then(fetch, vendor, data, twin, tmp_path):
    vendor.service.available_end = datetime(2023, 1, 20, 15, 42, tzinfo=UTC)
    fetch(*QUARTER)
    old = tree(data)
    vendor.service.available_end = datetime(2023, 3, 20, 12, 0, tzinfo=UTC)
    vendor.faults.add(faults.refused(422, "odd"), start="2023-03")
    fetch(*QUARTER, exit_code=3)
    assert {name: tree(data)[name] for name in old} == old
    # The vendor's end moves on before the next run: what was planned is joined, then what is new is asked for.
    vendor.service.available_end = datetime(2024, 1, 1, tzinfo=UTC)
    ended = fetch(*QUARTER)
    assert kept(data)["status"] == "READY"
    assert ended.json[0]["requests"] == 2
    assert vendor.journal.asked_twice() == []
    at_once = tmp_path / "at-once.dbn.zst"
    at_once.write_bytes(twin(*QUARTER)[FILE])
    assert records_in(data / FILE) == records_in(at_once)


def test_what_is_resumed_and_then_extended_is_paid_within_the_budget(fetch, vendor, data):
    vendor.service.available_end = datetime(2023, 2, 10, tzinfo=UTC)
    vendor.faults.add(faults.refused(422, "odd"), start="2023-02")
    fetch(*QUARTER, exit_code=3)
    vendor.service.available_end = datetime(2024, 1, 1, tzinfo=UTC)
    vendor.service.dollars_a_gib = 2.0**30
    ended = fetch(*QUARTER, exit_code=3)
    assert "--max-cost allows" in ended.stderr
    assert kept(data)["end"] == "2023-02-10T00:00:00+00:00"
    assert vendor.journal.asked_twice() == []


@pytest.mark.parametrize(
    ("arguments", "available", "words"),
    [
        (("--year", "2024"), datetime(2023, 6, 1, tzinfo=UTC), "no trades of XNAS.ITCH in 2024 yet:"),
        (("--year", "2017"), datetime(2023, 6, 1, tzinfo=UTC), "no trades of XNAS.ITCH in 2017 any more:"),
        (
            ("--from", "2023-06-01", "--until", "2023-06-02"),
            datetime(2023, 6, 1, 0, 0, 30, tzinfo=UTC),
            "in 2023-06-01_2023-06-02 yet:",
        ),
        (("--from", "2023-01-07", "--until", "2023-01-09"), datetime(2023, 6, 1, tzinfo=UTC), "does not know AAPL"),
    ],
)
def test_what_the_vendor_does_not_have(arguments, available, words, fetch, vendor, data):
    vendor.service.available_end = available
    ended = fetch("--symbol", "AAPL", "--products", "TRADES", *arguments, exit_code=1)
    assert words in ended.stderr
    assert not data.exists()


def test_a_year_in_which_the_vendor_began(fetch, vendor, data):
    [row] = fetch("--symbol", "AAPL", "--year", "2018", "--products", "TRADES").json
    record = json.loads((data / "raw/databento/AAPL/2018/TRADES.json").read_text())
    assert (row["requests"], record["status"], record["start"]) == (8, "READY", "2018-01-01T00:00:00+00:00")
    assert fetch("--symbol", "AAPL", "--year", "2018", "--products", "TRADES", DATABENTO_API_KEY="").json[0]["status"] == "whole"


def test_days_of_which_the_vendor_has_doubts(fetch, vendor, data):
    doubts = {date(2023, 1, 4): "degraded", date(2023, 2, 28): "pending", date(2023, 3, 31): "missing"}
    vendor.service.conditions = {**doubts, date(2022, 12, 30): "degraded", date(2023, 4, 3): "degraded"}
    ended = fetch(*QUARTER)
    assert kept(data)["conditions"] == [[str(day), condition] for day, condition in doubts.items()]
    for day, condition in doubts.items():
        assert f"{day} ({condition})" in ended.stderr
    assert "2022-12-30" not in ended.stderr
    assert "2023-04-03" not in ended.stderr
