"""`stage1 derive`: what it answers, refuses and leaves."""

import fcntl
import json
import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from stage1.model.periods import Period
from tests.plugins.dbn_files import Header
from tests.plugins.tick_files import YEAR, header, moments, plain_bars, put, spread_over, stored_bars, ticks


@pytest.fixture
def made():
    return spread_over("2023-01-02", "2023-03-01", 300)


def test_several_symbols_and_years(data, made, run_cli):
    second = spread_over("2022-06-01", "2022-06-02", 40)
    for symbol in ("MSFT", "AAPL"):
        put(data, trades=made, symbol=symbol)
        put(data, trades=second, symbol=symbol, period=Period.year(2022))
    found = run_cli("derive", "--symbol", "MSFT,AAPL,MSFT", "--years", "2022-2023", "--products", "TRADES", "--format", "json")
    assert found.exit_code == 0, found.stderr
    assert [(row["dataset_id"], row["status"]) for row in found.json] == [
        (f"{symbol}-{year}-1m", "derived") for symbol in ("MSFT", "AAPL") for year in (2022, 2023)
    ]
    row = found.json[-1]
    folder = data.bars("AAPL", YEAR)
    assert row["bars"] == len(stored_bars(folder)) == len(plain_bars(made))
    assert row["manifest"] == str(folder / "manifest.json")
    assert (row["files"], row["bytes"]) == (2, sum(path.stat().st_size for path in folder.glob("*.parquet")))
    assert row["seconds"] >= 0


def test_one_of_many_that_cannot_be_made(data, made, run_cli):
    put(data, trades=made, symbol="MSFT")
    found = run_cli("derive", "--symbol", "AAPL,MSFT", "--year", "2023", "--products", "TRADES")
    assert found.exit_code == 1
    assert [(row["dataset_id"], row["status"]) for row in found.json] == [("AAPL-2023-1m", "failed"), ("MSFT-2023-1m", "derived")]
    assert "error: AAPL-2023-1m: " in found.stderr
    assert "Run `stage1 fetch --symbol AAPL --year 2023`" in found.stderr


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (["--year", "2023"], "--symbol AAPL --year 2023`"),
        (["--from", "2023-01-01", "--until", "2023-02-01"], "--symbol AAPL --from 2023-01-01 --until 2023-02-01`"),
    ],
)
def test_a_missing_raw_file_says_how_to_get_it(run_cli, tmp_path, given, hint):
    found = run_cli("derive", "--symbol", "AAPL", *given)
    assert found.exit_code == 4
    assert "TRADES.dbn.zst is missing" in found.stderr
    assert f"stage1 fetch {hint}" in found.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--year", "2023", "--from", "2023-01-01"], "more than one was given"),
        ([], "none of them was given"),
        (["--year", "2023", "--products", "TBBO"], "TRADES is expected among them"),
        (["--year", "2023", "--products", "MBO"], "TRADES or TBBO was expected"),
        (["--year", "1969"], "1969"),
        (["--from", "January", "--until", "2023-02-01"], "2023-01-31 was expected"),
    ],
)
def test_usage(run_cli, tmp_path, given, sentence):
    found = run_cli("derive", "--symbol", "AAPL", *given)
    assert (found.exit_code, found.stdout) == (2, "")
    assert sentence in found.stderr
    assert not (tmp_path / "data").exists()


def test_a_folder_of_the_settings(data, made, run_cli, tmp_path):
    put(type(data)(tmp_path / "market"), trades=made)
    found = run_cli("derive", "--symbol", "AAPL", "--year", "2023", "--products", "TRADES", env={"STAGE1_DATA": "market"})
    assert found.exit_code == 0, found.stderr
    manifest = json.loads((tmp_path / "market/bars/databento/AAPL/2023/manifest.json").read_bytes())
    assert manifest["inputs"][0]["path"] == "data/raw/databento/AAPL/2023/TRADES.dbn.zst"  # as on every machine


def test_two_runs_at_once(data, made, run_cli):
    put(data, trades=made)
    with data.locked("AAPL", YEAR):
        found = run_cli("derive", "--symbol", "AAPL", "--year", "2023", "--products", "TRADES")
    assert found.exit_code == 4
    assert "Another run is at work on AAPL 2023." in found.stderr


def two_instruments(records):
    records["instrument_id"][1::2] = 8
    return {"head": Header(stype_in="parent", mappings={"AAPL": [(YEAR.first, YEAR.until, number) for number in (7, 8)]})}


def other_symbol(records):
    return {"head": header(symbol="MSFT")}


def backwards(records):
    records["ts_recv"] = records["ts_recv"][::-1].copy()
    return {}


def outside(records):
    return {"head": header(Period(date(2023, 1, 1), date(2023, 2, 1)))}


def quotes_of_another_vendor_dataset(records):
    return {"heads": {"TBBO": Header(dataset="GLBX.MDP3", mappings=header().mappings)}}


@pytest.mark.parametrize(
    ("harm", "exit_code", "sentence"),
    [
        (two_instruments, 3, "two instruments on 2023-01-02: 7 and 8"),
        (other_symbol, 3, "holds MSFT"),
        (backwards, 3, "goes back to the minute"),
        (outside, 3, "as the header says"),
        (quotes_of_another_vendor_dataset, 3, "is of GLBX.MDP3"),
    ],
)
def test_a_file_that_is_refused_leaves_what_was_there(data, made, run_cli, harm, exit_code, sentence):
    put(data, trades=made, tbbo=made)
    assert run_cli("derive", "--symbol", "AAPL", "--year", "2023").exit_code == 0
    folder = data.bars("AAPL", YEAR)
    held = {path.name: path.read_bytes() for path in folder.iterdir()}
    put(data, trades=made, tbbo=made, **harm(made))
    found = run_cli("derive", "--symbol", "AAPL", "--year", "2023")
    assert (found.exit_code, found.stdout) == (exit_code, ""), found.stderr
    assert sentence in found.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == held


@pytest.mark.parametrize("at", [0.2, 0.9, 1.0])
def test_a_damaged_file_gives_nothing(data, made, run_cli, at):
    [path] = put(data, trades=made)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * at) - 1])
    found = run_cli("derive", "--symbol", "AAPL", "--year", "2023", "--products", "TRADES")
    assert found.exit_code == 3
    assert "cut short" in found.stderr
    assert list(data.bars("AAPL", YEAR).iterdir()) == []


def test_trades_in_the_place_of_quotes(data, made, run_cli):
    [path] = put(data, trades=made)
    path.with_name("TBBO.dbn.zst").write_bytes(path.read_bytes())
    found = run_cli("derive", "--symbol", "AAPL", "--year", "2023")
    assert found.exit_code == 3
    assert "holds the schema trades" in found.stderr


@pytest.fixture
def small_disk(data):
    """The data folder on a file system of its own; yields what fills it up but for some bytes, and names what to remove."""
    data.root.mkdir()
    options = f"size=4m,uid={os.getuid()},gid={os.getgid()},mode=0700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(data.root)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")

    def fill(left: int) -> Path:
        room = os.statvfs(data.root)
        ballast = data.root / "ballast"
        ballast.write_bytes(b"x" * (room.f_bavail * room.f_frsize - left))
        return ballast

    yield fill
    subprocess.run(["umount", str(data.root)], check=True)


def test_a_disk_that_is_full(data, run_cli, small_disk):
    first = ticks(moments("2023-01-03T12:00"))
    put(data, trades=first)
    assert run_cli("derive", "--symbol", "AAPL", "--year", "2023", "--products", "TRADES").exit_code == 0
    more = spread_over("2023-01-02", "2023-06-01", 20_000)
    put(data, trades=more)
    folder = data.bars("AAPL", YEAR)
    held = {path.name: path.read_bytes() for path in folder.iterdir()}
    ballast = small_disk(left=65_536)
    full = run_cli("derive", "--symbol", "AAPL", "--year", "2023", "--products", "TRADES")
    assert full.exit_code == 4, full.stderr
    assert "is full" in full.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == held
    ballast.unlink()
    again = run_cli("derive", "--symbol", "AAPL", "--year", "2023", "--products", "TRADES")
    assert again.exit_code == 0, again.stderr
    assert stored_bars(folder) == plain_bars(more)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(data, made, run_cli):
    put(data, trades=made)
    folder = data.bars("AAPL", YEAR)
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    try:
        found = run_cli("derive", "--symbol", "AAPL", "--year", "2023", "--products", "TRADES")
    finally:
        folder.chmod(0o700)
    assert found.exit_code == 4
    assert "cannot be written" in found.stderr


def test_a_file_in_the_place_of_the_folder(data, made, run_cli):
    put(data, trades=made)
    (data.root / "bars").write_text("mine")
    found = run_cli("derive", "--symbol", "AAPL", "--year", "2023", "--products", "TRADES")
    assert found.exit_code == 4
    assert "cannot be written" in found.stderr
    assert Path(data.root / "bars").read_text() == "mine"


def test_the_lock_ends_with_the_run(data, made, run_cli):
    put(data, trades=made)
    assert run_cli("derive", "--symbol", "AAPL", "--year", "2023", "--products", "TRADES").exit_code == 0
    with (data.raw("AAPL", YEAR) / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
