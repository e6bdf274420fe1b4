"""Disks that are full, folders that are none, and files of a whole year that hold what is asked for."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.plugins.fetched_files import QUARTER, QUARTER_FOLDER, YEAR_FOLDER, tree


@contextmanager
def small_disk(folder: Path, kibibytes: int) -> Iterator[Callable[[int], None]]:
    """A file system of its own in a folder; yields what makes it larger."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield lambda size: subprocess.run(["mount", "-o", f"remount,size={size}k", str(folder)], check=True) and None
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("kibibytes", [4, 12, 32, 60])  # full at the plan, at a segment, at the join
def test_a_disk_that_is_full(kibibytes, fetch, vendor, data, twin):
    with small_disk(data, kibibytes) as grow:
        ended = fetch(*QUARTER, exit_code=4)
        assert "is full" in ended.stderr or "A disk is full" in ended.stderr
        assert not list(data.rglob("*.part"))
        held = len(list(data.rglob("2023*.dbn.zst")))
        assert not (data / QUARTER_FOLDER / "TRADES.dbn.zst").exists()
        grow(1_024)
        asked = len(vendor.journal.downloads())
        fetch(*QUARTER)
        assert tree(data) == twin(*QUARTER)
        assert len(vendor.journal.downloads()) - asked == 3 - held


@pytest.mark.parametrize("where", ["", "raw", "raw/databento/AAPL", QUARTER_FOLDER])
def test_a_file_where_a_folder_belongs(where, fetch, vendor, data):
    path = data / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    ended = fetch(*QUARTER, exit_code=4)
    assert "cannot be written" in ended.stderr
    assert path.read_text() == "mine"
    assert vendor.journal.entries() == []


def test_a_folder_where_the_file_belongs(fetch, vendor, data):
    (data / QUARTER_FOLDER / "TRADES.dbn.zst").mkdir(parents=True)
    ended = fetch(*QUARTER, exit_code=4)
    assert "is a folder, not a file" in ended.stderr
    assert vendor.journal.downloads() == []


def test_the_file_of_the_year_holds_its_quarters(fetch, vendor, data):
    fetch("--symbol", "AAPL", "--year", "2023", "--products", "TRADES")
    before, asked = tree(data), len(vendor.journal.entries())
    [row] = fetch(*QUARTER, DATABENTO_API_KEY="").json
    assert (row["status"], row["path"]) == ("whole", str(data / YEAR_FOLDER / "TRADES.dbn.zst"))
    assert tree(data) == before
    assert len(vendor.journal.entries()) == asked
    assert not (data / QUARTER_FOLDER).exists()
