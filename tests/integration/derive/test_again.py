"""Derived again: nothing is read when nothing changed, and everything is made again when something did."""

import json
import os
import shutil
from datetime import UTC, datetime

import pytest

from stage1 import clock
from stage1.errors import FileChanged
from stage1.operations import derive as operation
from stage1.operations import derive_inputs
from stage1.operations.derive import derive
from stage1.operations.fetch_records import Record, Wanted, write_record
from tests.plugins.tick_files import SYMBOL, YEAR, plain_bars, put, spread_over, stored_bars


@pytest.fixture
def made():
    return spread_over("2023-01-30", "2023-03-02", 800)


@pytest.fixture
def first(data, derived, made):
    put(data, trades=made, tbbo=made)
    return derived("TRADES", "TBBO")


def files(first):
    return {path.name: path.read_bytes() for path in first.path.parent.iterdir() if not path.name.startswith(".")}


def test_nothing_is_read_or_imported(first, run_cli, tmp_path):
    held = files(first)
    found = run_cli("derive", "--symbol", "AAPL", "--year", "2023", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert found.exit_code == 0, found.stderr
    [row] = found.json
    assert (row["dataset_id"], row["status"], row["bars"]) == ("AAPL-2023-1m", "unchanged", first.dataset.bar_count)
    imported = {line.rpartition("|")[2].strip() for line in found.stderr.splitlines() if "|" in line}
    assert "stage1.operations.derive" in imported
    assert not imported & {"numpy", "pyarrow", "databento_dbn", "zstandard", "psycopg", "requests"}
    assert files(first) == held


def test_forced_gives_the_same_bytes_and_leaves_the_manifest(first, derived, monkeypatch):
    held = files(first)
    monkeypatch.setattr(clock, "now", lambda: datetime(2031, 1, 1, tzinfo=UTC))
    again = derived("TRADES", "TBBO", force=True)
    assert (again.was_read, again.changed, again.dataset) == (True, False, first.dataset)
    assert files(first) == held


def test_a_changed_input_changes_the_bars(first, data, derived, made):
    less = made[:400]
    put(data, trades=less, tbbo=less)
    again = derived("TRADES", "TBBO")
    assert (again.was_read, again.changed) == (True, True)
    assert stored_bars(again.path.parent) == plain_bars(less, less)
    # The months that have no bars any more went with the manifest that named them.
    assert {path.name for path in again.path.parent.glob("2023-*")} == {"2023-01.parquet", "2023-02.parquet"}


def test_other_products_change_the_bars(first, derived, made):
    again = derived("TRADES")
    assert again.changed
    assert stored_bars(again.path.parent) == plain_bars(made)
    assert derived("TRADES", "TBBO").dataset.products == ("TRADES", "TBBO")


@pytest.mark.parametrize("harm", ["altered", "gone", "cut"])
def test_an_output_that_is_not_the_manifest_s_is_made_again(first, derived, harm):
    held = files(first)
    path = first.path.parent / "2023-02.parquet"
    content = path.read_bytes()
    path.unlink()
    if harm != "gone":
        path.write_bytes(content[:-1] + b"x" if harm == "altered" else content[:-1])
    again = derived("TRADES", "TBBO")
    assert (again.was_read, again.changed) == (True, False)
    assert files(first) == held


@pytest.mark.parametrize("what", ["manifest.json", ".known.json"])
def test_what_is_lost_is_found_again(first, data, derived, what):
    for folder in (first.path.parent, data.raw(SYMBOL, YEAR)):
        (folder / what).unlink(missing_ok=True)
    again = derived("TRADES", "TBBO")
    assert again.was_read == (what == "manifest.json")
    assert again.manifest["outputs"] == first.manifest["outputs"]
    assert not derived("TRADES", "TBBO").was_read


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", '{"format": "stage1-bars/2"}', '{"format": "stage1-bars/1", "inputs": [3]}'),
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_none(first, derived, content):
    first.path.write_text(content)
    again = derived("TRADES", "TBBO")
    assert again.was_read
    assert again.manifest["outputs"] == first.manifest["outputs"]


@pytest.mark.parametrize("key", ["vendor", "counts", "outputs", "generated_at"])
def test_a_manifest_that_lacks_something_is_written_again(first, derived, key):
    first.path.write_text(json.dumps({name: value for name, value in first.manifest.items() if name != key}))
    again = derived("TRADES", "TBBO")
    assert again.was_read
    assert set(again.manifest) == set(first.manifest)


def test_files_that_were_copied_are_hashed_and_not_made_again(first, derived):
    folder = first.path.parent
    shutil.move(folder, folder.with_name("moved"))
    shutil.copytree(folder.with_name("moved"), folder, copy_function=shutil.copyfile)
    assert not derived("TRADES", "TBBO").was_read
    assert not derived("TRADES", "TBBO", verify=True).was_read


def test_verify_finds_what_size_and_time_do_not_show(first, data, derived):
    held = files(first)
    path = first.path.parent / "2023-02.parquet"
    was = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert not derived("TRADES", "TBBO").was_read
    assert derived("TRADES", "TBBO", verify=True).was_read
    assert files(first) == held
    raw = data.raw_file(SYMBOL, YEAR, "TRADES")
    was = raw.stat()
    raw.write_bytes(raw.read_bytes()[:-1] + b"x")
    os.utime(raw, ns=(was.st_atime_ns, was.st_mtime_ns))
    with pytest.raises(FileChanged, match="is not the file that is known of"):
        derived("TRADES", "TBBO", verify=True)


def test_a_file_of_other_bytes_than_were_fetched_is_refused(first, data):
    held = files(first)
    inputs = derive_inputs.in_place(data, SYMBOL, YEAR, ["TRADES"])
    other = [derive_inputs.RawInput(each.product, each.path, "0" * 64) for each in inputs]
    with pytest.raises(FileChanged, match="is not the file that is known of"):
        derive(data, SYMBOL, YEAR, other)
    assert files(first) == held


def test_conditions_are_kept_and_a_change_of_them_is_one(first, data):
    inputs = derive_inputs.in_place(data, SYMBOL, YEAR, ["TRADES", "TBBO"])
    doubted = [
        derive_inputs.RawInput(each.product, each.path, each.sha256, conditions=((YEAR.first, "degraded"),)) for each in inputs
    ]
    again = derive(data, SYMBOL, YEAR, doubted)
    assert again.changed
    assert again.manifest["inputs"][0]["conditions"] == [{"condition": "degraded", "date": "2023-01-01"}]
    assert again.manifest["outputs"] == first.manifest["outputs"]
    assert any("2023-01-01 (degraded)" in warning for warning in again.warnings)
    assert not derive(data, SYMBOL, YEAR, doubted).was_read


def test_what_the_record_of_a_fetch_says_is_taken_while_the_file_is_that_one(first, data):
    raw = data.raw_file(SYMBOL, YEAR, "TRADES")
    [given] = derive_inputs.in_place(data, SYMBOL, YEAR, ["TRADES"])
    doubted = ((YEAR.first, "degraded"),)
    for sha256, conditions, records in ((given.sha256, doubted, 800), ("0" * 64, (), None)):
        wanted = Wanted(SYMBOL, YEAR, "TRADES", "trades", "XNAS.ITCH", "raw_symbol")
        record = Record(wanted, YEAR.start, YEAR.end, "READY", sha256, 1, 800, "fetched", (), doubted)
        write_record(raw.with_name("TRADES.json"), record)
        [found] = derive_inputs.in_place(data, SYMBOL, YEAR, ["TRADES"])
        assert (found.sha256, found.conditions, found.records) == (given.sha256, conditions, records)


def test_another_algorithm_makes_them_again(first, derived, monkeypatch):
    monkeypatch.setattr(operation.bars_manifest, "ALGORITHM", "bars-1m/2")
    assert derived("TRADES", "TBBO").changed


def test_files_of_others_in_the_folder_stay(first, derived):
    strangers = ["2023-01.csv", "notes.txt", "2023-1.parquet", "manifest.json.bak"]
    for name in strangers:
        (first.path.parent / name).write_text("mine")
    left = ["2023-07.parquet", "2023-08.parquet.part", "manifest.json.part"]
    for name in left:
        (first.path.parent / name).write_text("of a run that was killed")
    assert not derived("TRADES", "TBBO").was_read
    names = {path.name for path in first.path.parent.iterdir()}
    assert names >= set(strangers)
    assert not names & set(left)
