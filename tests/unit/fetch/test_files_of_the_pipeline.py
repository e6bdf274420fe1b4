"""Files that are written whole or not at all, what is remembered of them, and the paths that are written down."""

import errno
import json
import os
import subprocess
from pathlib import Path

import pytest

from stage1.errors import FileUnusable, NoSpace
from stage1.model.periods import Period
from stage1.operations import known_files, whole_writing
from stage1.operations.data_folder import DataFolder
from stage1.operations.whole_writing import explained, write_whole, written_whole


def test_a_file_is_there_when_it_is_whole(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, b"old")
    with written_whole(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("problem", [RuntimeError("no"), KeyboardInterrupt()])
def test_what_is_raised_leaves_the_old_file(problem, tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, b"old")
    with pytest.raises(type(problem)), written_whole(path) as file:
        file.write(b"new")
        raise problem
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said(number, tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(number, os.strerror(number))

    write_whole(tmp_path / "a.json", b"old")
    monkeypatch.setattr(whole_writing.os, "fsync", full)
    with pytest.raises(NoSpace, match=r"The disk of .*a\.json is full"):
        write_whole(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]


def test_a_disk_that_is_really_full(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        write_whole(folder / "a", b"old")
        with pytest.raises(NoSpace):
            write_whole(folder / "a", bytes(2 << 20))
        assert (folder / "a").read_bytes() == b"old"
        assert [path.name for path in folder.iterdir()] == ["a"]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileUnusable, match="cannot be written"):
        write_whole(tmp_path / "file" / "a", b"")
    with pytest.raises(ValueError, match="other"), explained(tmp_path):
        raise ValueError("other")


# -- what is remembered -------------------------------------------------------------------------------------------------------


def test_a_file_is_known_until_it_is_touched(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    assert not known_files.is_known(path, "h")
    known_files.remember(path, "h", path.stat())
    assert known_files.is_known(path, "h")
    assert not known_files.is_known(path, "other")
    assert not known_files.is_known(tmp_path / "b", "h")
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert not known_files.is_known(path, "h")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert known_files.is_known(path, "h")
    path.write_bytes(b"12")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not known_files.is_known(path, "h")
    path.unlink()
    assert not known_files.is_known(path, "h")


@pytest.mark.parametrize("broken", [b"", b"\xff", b"[]", b"{}", b'{"a": 5}', b'{"a": null}', b"7", b"[" * 50_000], ids=range(8))
def test_a_memory_that_is_broken_is_none(broken, tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / ".known.json").write_bytes(broken)
    assert not known_files.is_known(tmp_path / "a", "h")
    known_files.remember(tmp_path / "a", "h", (tmp_path / "a").stat())
    assert known_files.is_known(tmp_path / "a", "h")


def test_what_is_gone_is_forgotten(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(b"1")
        known_files.remember(tmp_path / name, "h", (tmp_path / name).stat())
    (tmp_path / "a").unlink()
    known_files.remember(tmp_path / "b", "g", (tmp_path / "b").stat())
    assert list(json.loads((tmp_path / ".known.json").read_bytes())) == ["b"]


# -- paths that are written down ----------------------------------------------------------------------------------------------


def test_a_path_is_the_same_on_every_machine(tmp_path):
    data, other = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "elsewhere" / "numbers")
    path = data.raw_file("BRK/B", Period.year(2023), "TRADES")
    written = data.written(path)
    assert written == "data/raw/databento/BRK%2FB/2023/TRADES.dbn.zst"
    assert data.found(written) == path
    assert other.found(written) == other.raw_file("BRK/B", Period.year(2023), "TRADES")


@pytest.mark.parametrize(
    "written", ["", ".", "..", "/", "data", "/etc/passwd", "//etc/passwd", "data/../../etc", "../data/x", "data/x/..", "data/\0x"]
)
def test_paths_that_lead_elsewhere(written):
    with pytest.raises(FileUnusable):
        DataFolder(Path("/nowhere/data")).found(written)
