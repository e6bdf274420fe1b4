"""A file of bars holds the stored ones, digit for digit, and is whole or not there."""

import errno
import fcntl
import os
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

import stage1
from stage1 import settings as settings_module
from stage1.database.bar_reading import BarSpan
from stage1.errors import BadRows, ExitCode, NoSpace
from stage1.operations import bar_files
from tests.plugins.stored_bars import COLUMNS, NUMBERS, exact, fill, many

SETTINGS = settings_module.load(environment={}, start=Path("/"))
# A statement of a reader may take 1 ms here: a stream takes longer.
HURRIED = settings_module.load(environment={"STAGE1_STATEMENT_TIMEOUT": "0.001"}, start=Path("/"))


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_file_of_columns_holds_the_stored_numbers(database, run_cli, tmp_path, suffix):
    rows = [*NUMBERS, ("1", "1", "1", "1", None)]
    times = fill(database, "A", rows)
    path = tmp_path / f"bars.{suffix}"
    made = run_cli("bars", "--symbol", "A", "--output", path.name, database=database)
    assert (made.exit_code, made.stdout) == (0, "")
    assert "7 bars of A are in bars." in made.stderr
    found = parquet.read_table(path) if suffix == "parquet" else pa.ipc.open_file(path.read_bytes()).read_all()
    types = ["timestamp[ns, tz=UTC]", *["decimal128(19, 9)"] * 4, "uint64"]
    assert [str(kind) for kind in found.schema.types] == types
    assert found.schema.metadata[b"dataset"] == b"GLBX.MDP3"
    assert list(zip(*(found[name].to_pylist() for name in COLUMNS), strict=True)) == exact(rows)
    assert found["ts"].to_pylist() == times
    assert sorted(path.parent.glob("bars.*")) == [path]


def test_what_cannot_be_written_is_refused_before_the_database_is_asked(run_cli, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for output, code, said in (
        ("bars.xlsx", ExitCode.USAGE, "ends in .parquet, .arrow, .csv"),
        ("bars", ExitCode.USAGE, "ends in .parquet, .arrow, .csv"),
        ("no/bars.csv", ExitCode.CANNOT_NOW, "its folder does not exist"),
        ("folder.csv", ExitCode.CANNOT_NOW, "it is a folder"),
    ):
        found = run_cli("--database", "postgresql://127.0.0.1:1/none", "bars", "--symbol", "A", "--output", output)
        assert found.exit_code == code
        assert said in found.stderr


def test_a_missing_package_is_named_and_text_needs_none(database, run_cli, tmp_path):
    fill(database, "A", many(3))
    for name in ("numpy", "pandas", "pyarrow"):
        (tmp_path / "without").mkdir(exist_ok=True)
        (tmp_path / "without" / f"{name}.py").write_text(f"raise ModuleNotFoundError('No module named {name}', name='{name}')")
    without = {"PYTHONPATH": str(tmp_path / "without")}
    for output in ("bars.parquet", "bars.arrow"):
        found = run_cli("bars", "--symbol", "A", "--output", output, database=database, env=without)
        assert found.exit_code == ExitCode.CANNOT_NOW
        assert "pip install 'stage1[frames]'" in found.stderr
    for options in (["--output", "bars.csv"], ["--format", "csv"], ["--format", "json"], ["--format", "table"]):
        assert run_cli("bars", "--symbol", "A", *options, database=database, env=without).exit_code == 0


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
def test_a_file_that_fails_leaves_what_was_there(database, tmp_path, suffix):
    fill(database, "A", many(9000))
    path = tmp_path / f"bars.{suffix}"
    path.write_bytes(b"before")

    def disk_is_full(done):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoSpace):
        bar_files.write_file(database.target, SETTINGS, BarSpan("A"), path, disk_is_full)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    told = list[int]()
    assert bar_files.write_file(database.target, HURRIED, BarSpan("A"), path, told.append) == 9000
    assert list(tmp_path.iterdir()) == [path]
    assert told == sorted(told)
    assert told[-1] == 9000


def test_a_price_that_has_no_exact_form_leaves_no_file(database, run_cli, tmp_path):
    rows = [*many(9000), ("1", "1.0000000001", "1", "1", 1)]
    times = fill(database, "A", rows)
    (tmp_path / "bars.parquet").write_bytes(b"before")
    found = run_cli("bars", "--symbol", "A", "--output", "bars.parquet", database=database)
    assert found.exit_code == ExitCode.REFUSED
    assert f"The high of the bar at {times[-1].isoformat()} is 1.0000000001" in found.stderr
    assert [(path.name, path.read_bytes()) for path in tmp_path.glob("bars*")] == [("bars.parquet", b"before")]
    with pytest.raises(BadRows):
        stage1.read_bars("A", database=database.url)
    assert len(stage1.read_bars("A", end=times[-1], database=database.url)) == 9000
    assert run_cli("bars", "--symbol", "A", "--output", "bars.csv", database=database).exit_code == 0


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_killed_export_is_run_again(database, run_cli, tmp_path, suffix):
    fill(database, "A", many(100))
    path, twin = tmp_path / f"bars.{suffix}", tmp_path / f"twin.{suffix}"
    path.write_bytes(b"before")
    export = ("bars", "--symbol", "A", "--output")
    killed = run_cli(*export, path.name, database=database, env={"STAGE1_KILL_AT": "before the bars are renamed"})
    assert killed.exit_code == -9
    assert path.read_bytes() == b"before"
    assert (tmp_path / f"bars.{suffix}.part").exists()
    for output in (path, twin):
        assert run_cli(*export, output.name, database=database).exit_code == 0
    assert path.read_bytes() == twin.read_bytes()
    assert sorted(tmp_path.glob(f"*.{suffix}*")) == [path, twin]


def test_two_exports_into_one_file_do_not_mix(database, run_cli, tmp_path):
    fill(database, "A", many(100))
    part = tmp_path / "bars.csv.part"
    with part.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        found = run_cli("bars", "--symbol", "A", "--output", "bars.csv", database=database)
        assert found.exit_code == ExitCode.CANNOT_NOW
        assert "Another run writes bars.csv" in found.stderr
        assert os.path.samestat(part.stat(), os.fstat(other.fileno()))
    assert not (tmp_path / "bars.csv").exists()
