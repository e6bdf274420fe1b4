"""What an unfinished fetch has paid for, and what another run is fetching, is not taken away by a run of something else."""

import json
from datetime import UTC, date, datetime

import pytest

from stage1 import settings
from stage1.model.periods import Period
from stage1.operations.fetch import Fetcher
from stage1.operations.fetch_terms import Wishes
from tests.plugins.fetched_files import QUARTER, QUARTER_FOLDER, YEAR_FOLDER, environment
from tests.standin import faults

SEGMENTS = f"{QUARTER_FOLDER}/TRADES.segments"
BASIC = ("--dataset", "XNAS.BASIC")


def interrupted(fetch, vendor, *arguments):
    vendor.faults.add(faults.refused(422, "odd"), start="2023-03")
    fetch(*QUARTER, *arguments, exit_code=3)


def arrived(data):
    return sorted(path.name for path in (data / SEGMENTS).glob("*.dbn.zst"))


def test_a_fetch_goes_on_with_the_dataset_that_it_was_begun_with(fetch, vendor, data):
    interrupted(fetch, vendor, *BASIC)
    assert fetch(*QUARTER).json[0]["requests"] == 1
    assert json.loads((data / QUARTER_FOLDER / "TRADES.json").read_bytes())["wanted"]["dataset"] == "XNAS.BASIC"
    assert vendor.journal.asked_twice() == []


def test_another_dataset_does_not_take_the_place_of_an_unfinished_one(fetch, vendor, data):
    interrupted(fetch, vendor, *BASIC)
    held = arrived(data)
    refused = fetch(*QUARTER, "--dataset", "XNAS.ITCH", exit_code=3)
    assert "--dataset XNAS.BASIC" in refused.stderr
    assert arrived(data) == held
    assert len(held) == 2
    assert fetch(*QUARTER, "--dataset", "XNAS.ITCH", "--force").json[0]["requests"] == 3
    assert not (data / SEGMENTS).exists()


def test_a_whole_file_leaves_the_unfinished_one_that_is_to_replace_it(fetch, vendor, data):
    fetch(*QUARTER)
    interrupted(fetch, vendor, *BASIC, "--force")
    held = arrived(data)
    assert fetch(*QUARTER, DATABENTO_API_KEY="").json[0]["status"] == "whole"
    assert arrived(data) == held
    assert fetch(*QUARTER, *BASIC, "--force").json[0]["requests"] == 1
    assert vendor.journal.asked_twice() == []


def test_a_part_of_a_year_is_of_the_dataset_of_the_years_file(fetch):
    basic = ("--symbol", "AAPL", "--products", "TRADES")
    fetch(*basic, "--year", "2023", *BASIC)
    [row] = fetch(*basic, "--from", "2023-02-01", "--until", "2023-03-01", DATABENTO_API_KEY="").json
    assert row["status"] == "whole"
    assert row["path"].endswith("AAPL/2023/TRADES.dbn.zst")


def test_a_part_of_a_year_leaves_the_years_folder_to_the_run_that_has_its_lock(fetch, vendor, data, monkeypatch):
    fetch("--symbol", "AAPL", "--products", "TRADES", "--year", "2023")
    for name, value in environment(vendor, data).items():
        monkeypatch.setenv(name, value)
    month = Period.year(2023).months()
    fetcher = Fetcher(settings.load(), Wishes(), lambda _: None, lambda *_: None)
    outcomes = fetcher.fetch(["MSFT", "AAPL"], [next(month)], ["TRADES"])
    assert next(outcomes).status == "fetched"
    # Everything was looked at; now another run begins with the year.
    begun = data / YEAR_FOLDER / "TRADES.segments" / "20230101-20230201.dbn.zst.part"
    begun.parent.mkdir()
    begun.write_bytes(b"paid for")
    assert next(outcomes).status == "whole"
    assert begun.read_bytes() == b"paid for"


@pytest.mark.parametrize("later", ["available", "degraded"])
def test_what_was_doubtful_when_it_was_fetched_stays_so(later, fetch, vendor, data):
    vendor.service.available_end = datetime(2023, 1, 20, 12, 0, tzinfo=UTC)
    vendor.service.conditions[date(2023, 1, 18)] = "pending"
    fetch(*QUARTER)
    vendor.service.available_end = datetime(2024, 1, 1, tzinfo=UTC)
    vendor.service.conditions[date(2023, 1, 18)] = later
    vendor.service.conditions[date(2023, 3, 1)] = "degraded"
    ended = fetch(*QUARTER)
    kept = json.loads((data / QUARTER_FOLDER / "TRADES.json").read_bytes())
    assert kept["conditions"] == [["2023-01-18", "pending"], ["2023-03-01", "degraded"]]
    assert "2023-01-18 (pending)" in ended.stderr


@pytest.mark.parametrize(
    "asked", [("--from", "2023-02-01", "--until", "2023-03-01"), ("--year", "2023"), ("--year", "2023", "--force")]
)
def test_a_file_on_a_disk_that_is_not_there_is_not_paid_for_again(asked, fetch, vendor, data, tmp_path):
    apple = ("--symbol", "AAPL", "--products", "TRADES")
    fetch(*apple, "--year", "2023")
    file, disk = data / YEAR_FOLDER / "TRADES.dbn.zst", tmp_path / "disk"
    file.rename(disk)
    file.symlink_to(disk)
    assert fetch(*apple, "--year", "2023").json[0]["status"] == "whole"
    away = disk.rename(tmp_path / "away")
    asked_before = len(vendor.journal.entries())
    assert "which is not there" in fetch(*apple, *asked, exit_code=4).stderr
    assert len(vendor.journal.entries()) == asked_before
    away.rename(disk)
    assert fetch(*apple, "--year", "2023", DATABENTO_API_KEY="").json[0]["status"] == "whole"


def test_a_data_folder_on_a_disk_that_is_not_there_is_not_another_run(fetch, vendor, data, tmp_path):
    data.symlink_to(tmp_path / "away")
    assert "Another run" not in fetch(*QUARTER, exit_code=4).stderr
    assert vendor.journal.entries() == []
