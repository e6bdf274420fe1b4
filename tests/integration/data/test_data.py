"""`stage1 data`: from a symbol and a year to a dataset, once; what is there is left as it is."""

import hashlib
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from stage1 import clock, settings
from stage1.cli import main
from stage1.database.targets import Embedded, resolve
from stage1.model.datasets import dataset_id_of
from stage1.model.periods import Period
from stage1.operations.data_folder import DataFolder
from stage1.operations.ensure_dataset import VendorMarket
from tests.plugins.command_line import CallResult
from tests.plugins.dbn_files import records, symbols, write
from tests.plugins.fetched_files import environment, small_vendor
from tests.plugins.loaded_bars import bars, expected, findings, runs
from tests.standin import market

AAPL = ("--symbol", "AAPL", "--from", "2023-02-20", "--until", "2023-04-03")
SLUG = "AAPL-2023-02-20-2023-04-03-1m"


@pytest.fixture
def vendor():
    with small_vendor() as serving:
        yield serving


@pytest.fixture
def data(vendor, database, tmp_path, monkeypatch, capsys):
    """Runs `stage1 data` in this process, against the stand-in and a database of its own."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(vendor, tmp_path / "data").items():
        monkeypatch.setenv(name, value)

    def run(*arguments, exit_code=0, command="data"):
        found = main.run(["--database", database.url, *command.split(), *arguments])
        said = capsys.readouterr()
        assert found == exit_code, said.err
        return CallResult(found, said.out, said.err)

    return run


def wanted(vendor, first, until, symbol="AAPL"):
    """The bars of these days as the vendor builds them, in the form of `bars`."""
    each = [vendor.service.market.records("trades", "XNAS.ITCH", symbol, day, 1) for day in market.days(first, until)]
    return expected(market.bars(np.concatenate(each)), symbol)


def manifest(tmp_path, name="2023-02-20_2023-04-03"):
    return json.loads((tmp_path / "data" / "bars" / "databento" / "AAPL" / name / "manifest.json").read_bytes())


def test_a_dataset_is_fetched_derived_loaded_and_registered(data, vendor, database, tmp_path):
    [made] = data(*AAPL).json
    assert (made["dataset_id"], made["status"], made["fetched"], made["derived"]) == (
        SLUG,
        "READY",
        4,
        True,
    )  # April has a weekend alone
    months = [Path(each["path"]).name for each in manifest(tmp_path)["outputs"]]
    assert months == ["2023-02.parquet", "2023-03.parquet"]
    stored = bars(database)
    assert len(stored) == made["bars"] == sum(each["rows"] for each in manifest(tmp_path)["outputs"])
    assert stored == wanted(vendor, date(2023, 2, 20), date(2023, 4, 3))
    with database.connect() as connection:
        row = connection.execute("select * from datasets").fetchone()
        kept = connection.execute("select * from stage1_datasets").fetchone()
    assert (row["dataset_id"], row["from_date"], row["to_date"]) == (SLUG, date(2023, 2, 20), date(2023, 4, 3))
    assert (row["products_json"], row["status"], row["bar_count"]) == ('["TRADES","TBBO"]', "READY", len(stored))
    assert (kept["dataset_id"], kept["kind"]) == (dataset_id_of(SLUG), "bars")
    assert [run["origin"] for run in runs(database)] == ["derived"]
    assert findings(database) == []


def test_again_nothing_is_done_and_it_says_so_at_once(data, vendor, database):
    first = data(*AAPL).json
    asked, before = len(vendor.journal.entries()), runs(database)
    begun = clock.monotonic()
    again = data(*AAPL)
    assert clock.monotonic() - begun < 2
    assert "nothing fetched, nothing derived, nothing loaded" in again.stderr
    assert [(row["dataset_id"], row["fetched"], row["derived"], row["registered"]) for row in again.json] == [
        (SLUG, 0, False, False)
    ]
    assert again.json[0]["ingest_id"] == first[0]["ingest_id"]
    assert len(vendor.journal.entries()) == asked
    assert runs(database) == before


def test_a_year_that_is_not_over_grows(data, vendor, database, tmp_path):
    year = ("--symbol", "AAPL", "--year", "2023")
    vendor.service.available_end = datetime(2023, 1, 20, 15, 30, 12, tzinfo=UTC)
    [partial] = data(*year).json
    assert (partial["dataset_id"], partial["status"]) == ("AAPL-2023-1m", "PARTIAL")
    assert manifest(tmp_path, "2023")["inputs"][0]["end"].startswith("2023-01-20T15:30:00")
    vendor.service.available_end = datetime(2024, 1, 2, tzinfo=UTC)
    [ready] = data(*year).json
    assert (ready["status"], ready["derived"]) == ("READY", True)
    assert ready["bars"] > partial["bars"]
    assert bars(database) == wanted(vendor, date(2023, 1, 1), date(2024, 1, 1))
    assert vendor.journal.asked_twice() == []
    with database.connect() as connection:
        assert connection.execute("select count(*) as rows from datasets").fetchone()["rows"] == 1
    assert findings(database) == []


def test_a_part_of_a_year_is_made_of_the_years_files(data, vendor):
    data("--symbol", "AAPL", "--year", "2023")
    asked = len(vendor.journal.entries())
    [made] = data(*AAPL).json
    assert (made["dataset_id"], made["fetched"]) == (SLUG, 0)
    assert len(vendor.journal.entries()) == asked
    assert made["bars"] == len(wanted(vendor, date(2023, 2, 20), date(2023, 4, 3)))


def test_a_database_that_cannot_take_it_is_found_out_before_the_vendor_is_asked(data, vendor, database):
    with database.connect() as connection:
        connection.execute("drop function public.fn_get_dataset_manifest")
        connection.execute("drop view public.datasets cascade")
        connection.execute("drop view public.manifests_without_bars cascade")
    data(*AAPL, exit_code=4)
    assert vendor.journal.entries() == []


def test_products_that_make_no_bars_are_refused_before_the_vendor_is_asked(data, vendor, tmp_path):
    refused = data(*AAPL, "--products", "TBBO", exit_code=2)
    assert "TRADES is expected" in refused.stderr
    assert (vendor.journal.entries(), (tmp_path / "data").exists()) == ([], False)


def test_bars_of_another_origin_are_not_replaced_and_that_is_found_out_before_paying(data, vendor, database, tmp_path):
    file = write(tmp_path / "own.dbn.zst", records(10), symbols(AAPL=7))
    data(str(file), command="ingest")
    held = bars(database)
    refused = data(*AAPL, exit_code=3)
    assert "S1I06" in refused.stderr
    assert "--replace-origin" in refused.stderr
    assert bars(database) == held
    assert vendor.journal.entries() == []
    assert data(*AAPL, "--replace-origin").json[0]["registered"] is True


@pytest.mark.parametrize("undone", [True, False], ids=["undone", "the row is gone"])
def test_what_the_database_lost_is_brought_again_without_the_vendor(data, vendor, database, undone):
    [made] = data(*AAPL).json
    held, asked = bars(database), len(vendor.journal.entries())
    if undone:
        data("undo", str(made["ingest_id"]), command="ingests")
        assert bars(database) == []
    else:
        with database.connect() as connection:
            connection.execute("delete from stage1_datasets")
    [again] = data(*AAPL).json
    assert (again["fetched"], again["derived"], again["registered"]) == (0, False, True)
    assert bars(database) == held
    assert len(vendor.journal.entries()) == asked
    assert findings(database) == []


def test_a_slug_of_a_desktop_client_is_adopted(data, database):
    other = "5f0c1a52-0000-4000-8000-0000000000aa"
    data(SLUG, "--id", other, "--ohlcv", "o", "--indicators", "i", "--symbol", "AAPL", command="datasets upsert")
    assert data(*AAPL).json[0]["dataset_id"] == SLUG
    with database.connect() as connection:
        [row] = connection.execute("select dataset_id::text as id, kind from stage1_datasets").fetchall()
    assert row == {"id": other, "kind": "triplet"}


def test_offline_and_pushed_later(data, vendor, database, tmp_path):
    [offline] = data(*AAPL, "--offline").json
    assert (offline["dataset_id"], offline["ingest_id"]) == (SLUG, None)
    assert data(*AAPL, "--offline").json[0]["registered"] is False
    assert bars(database) == []
    [pushed] = data("push", command="datasets").json
    assert pushed["state"] == "pushed"
    assert len(bars(database)) == offline["bars"]
    # What the push has registered is what `data` would: nothing is left to do.
    assert data(*AAPL).json[0]["registered"] is False
    assert findings(database) == []


def test_one_symbol_that_is_unknown_does_not_stop_the_others(data, database):
    answered = data("--symbol", "NOPE1,AAPL,MSFT", *AAPL[2:], exit_code=1)
    assert [(row["dataset_id"].partition("-")[0], row["status"]) for row in answered.json] == [
        ("NOPE1", "failed"),
        ("AAPL", "READY"),
        ("MSFT", "READY"),
    ]
    assert "does not know NOPE1" in answered.stderr
    assert {symbol for symbol, *_ in bars(database)} == {"AAPL", "MSFT"}


def test_verify_notices_what_size_and_time_do_not_tell(data, tmp_path):
    data(*AAPL)
    file = tmp_path / "data" / "bars" / "databento" / "AAPL" / "2023-02-20_2023-04-03" / "2023-03.parquet"
    right, known = file.read_bytes(), file.stat()
    wrong = bytearray(right)
    wrong[len(wrong) // 2] ^= 1
    file.write_bytes(wrong)
    os.utime(file, ns=(known.st_atime_ns, known.st_mtime_ns))
    assert data(*AAPL).json[0]["derived"] is False
    answered = data(SLUG, command="datasets verify", exit_code=1)
    assert [Path(each["file"]).name for each in answered.json if each["state"] == "altered"] == ["2023-03.parquet"]
    assert data(*AAPL, "--verify").json[0]["derived"] is True
    assert file.read_bytes() == right


def test_two_machines_make_the_same_bytes(data, vendor, database, tmp_path, monkeypatch):
    data(*AAPL)
    one = files(tmp_path / "data")
    monkeypatch.setenv("STAGE1_DATA", str(tmp_path / "other" / "data"))
    data(*AAPL, "--offline")
    assert files(tmp_path / "other" / "data") == one


def test_another_run_of_the_same_days_says_so(data, vendor, tmp_path):
    folder = DataFolder(tmp_path / "data")
    with folder.locked("AAPL", Period(date(2023, 2, 20), date(2023, 4, 3))):
        assert "Another run is at work on AAPL" in data(*AAPL, exit_code=4).stderr
    assert vendor.journal.entries() == []
    assert data(*AAPL).json[0]["registered"] is True


def test_a_dry_run_says_what_it_costs_and_writes_nothing(data, vendor, tmp_path):
    said = data(*AAPL, "--dry-run")
    assert "to fetch: " in said.stderr
    assert vendor.journal.downloads() == []
    assert not (tmp_path / "data").exists()


def test_a_program_asks_for_a_dataset_by_its_days(data, vendor, database):
    known, said = settings.load(), []
    market_data = VendorMarket(known, resolve(known, database.url, Embedded.NEVER), said.append)
    assert market_data.ensure_dataset("AAPL", date(2023, 2, 20), date(2023, 4, 3)) == SLUG
    assert [text for text in said if text.startswith("to fetch: ")]
    assert market_data.ensure_dataset("AAPL", date(2023, 2, 20), date(2023, 4, 3)) == SLUG
    assert vendor.journal.asked_twice() == []
    assert len(runs(database)) == 1


def files(folder):
    """Every file that is a result, by its path; what changes with the moment is left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".sqlite":
            content = path.read_bytes()
            if path.name == "manifest.json":
                content = json.dumps(json.loads(content) | {"generated_at": None}).encode()
            found[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return found
