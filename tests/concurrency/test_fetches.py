"""Several fetches at once: of the same symbol and period one works and the others say so, of different ones all do."""

import fcntl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stage1.errors import FileUnusable, LockHeld
from stage1.model.periods import Period
from stage1.operations import data_folder
from stage1.operations.data_folder import DataFolder
from tests.plugins.fetched_files import QUARTER, environment, fetch_here, small_vendor, tree
from tests.standin.faults import LIMIT, Gate, slow

PERIOD = Period.year(2023)


@pytest.fixture
def vendor():
    with small_vendor() as serving:
        yield serving


@pytest.fixture
def undisturbed(vendor, tmp_path):
    """The files of a fetch beside which there was none."""
    folder = tmp_path / "twin"
    with small_vendor() as other:
        assert fetch_here(other, folder, *QUARTER) == 0
    return tree(folder)


def held_at(vendor, **form):
    gate = Gate()
    gate.let(500)
    vendor.faults.add(slow(gate), **form)
    return gate


def finish(process):
    _, said = process.communicate(timeout=LIMIT)
    return process.returncode, said


def test_two_of_the_same_symbol_and_period(vendor, start_cli, tmp_path, undisturbed, capsys):
    data = tmp_path / "data"
    gate = held_at(vendor, start="2023-02")
    first = start_cli("fetch", *QUARTER, env=environment(vendor, data))
    gate.wait_until_it_holds()
    asked = len(vendor.journal.entries())
    capsys.readouterr()
    for arguments in (QUARTER, (*QUARTER, "--force"), ("--symbol", "MSFT,AAPL", *QUARTER[2:])):
        assert fetch_here(vendor, data, *arguments) == 4
        assert "Another run is at work on AAPL 2023-01-01_2023-04-01." in capsys.readouterr().err
    assert len(vendor.journal.entries()) == asked
    before = tree(data)
    assert fetch_here(vendor, data, *QUARTER, "--dry-run") == 0
    assert tree(data) == before
    gate.open()
    assert finish(first)[0] == 0
    assert tree(data) == undisturbed
    assert vendor.journal.asked_twice() == []


def test_different_symbols_at_the_same_time(vendor, start_cli, tmp_path):
    data = tmp_path / "data"
    gates = [held_at(vendor, symbols=symbol, start="2023-02") for symbol in ("AAPL", "MSFT")]
    processes = [
        start_cli("fetch", "--symbol", symbol, *QUARTER[2:], env=environment(vendor, data)) for symbol in ("AAPL", "MSFT")
    ]
    for gate in gates:
        gate.wait_until_it_holds()  # so that both are at work
    for gate in gates:
        gate.open()
    assert [finish(process)[0] for process in processes] == [0, 0]
    assert {path.parts[-3] for path in data.rglob("TRADES.dbn.zst")} == {"AAPL", "MSFT"}


def test_several_that_start_at_once_pay_once(vendor, start_cli, tmp_path, undisturbed):
    data = tmp_path / "data"
    processes = [start_cli("fetch", *QUARTER, env=environment(vendor, data)) for _ in range(4)]
    ended = [finish(process) for process in processes]
    assert {code for code, _ in ended} <= {0, 4}, ended
    assert any(code == 0 for code, _ in ended), ended
    assert all("Another run is at work" in said for code, said in ended if code == 4), ended
    assert tree(data) == undisturbed
    assert len(vendor.journal.downloads()) == 3


# -- the lock ---------------------------------------------------------------------------------------------------------------


def test_many_who_take_the_lock_and_take_it_away(tmp_path):
    data = DataFolder(tmp_path / "data")
    inside = threading.Lock()

    def work(_number):
        taken = 0
        for _ in range(150):
            try:
                with data.locked("AAPL", PERIOD):
                    assert inside.acquire(blocking=False), "two had it at once"
                    taken += 1
                    inside.release()
            except LockHeld:
                continue
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(work, range(4), timeout=LIMIT))
    assert sum(taken) > 0
    assert not list(data.root.rglob(".lock"))


@pytest.mark.parametrize("again", [False, True], ids=["gone", "another one in its place"])
def test_a_lock_file_that_is_taken_away_while_it_is_being_locked(again, tmp_path, monkeypatch):
    data = DataFolder(tmp_path / "data")
    lock = data.raw("AAPL", PERIOD) / ".lock"
    real, calls = fcntl.flock, []

    def flock(descriptor: int, how: int) -> None:
        if not calls:
            lock.unlink()
            if again:
                lock.touch()
        calls.append(how)
        real(descriptor, how)

    monkeypatch.setattr(data_folder.fcntl, "flock", flock)
    with data.locked("AAPL", PERIOD):
        assert len(calls) == 2
        with pytest.raises(LockHeld), data.locked("AAPL", PERIOD):
            pass
    assert not data.root.exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    data = DataFolder(tmp_path / "data")
    lock = data.raw("AAPL", PERIOD) / ".lock"
    lock.parent.mkdir(parents=True)
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileUnusable), data.locked("AAPL", PERIOD):
        pass
    assert not Path(tmp_path / "elsewhere").exists()


def test_nothing_of_ours_is_left_and_nothing_of_others_is_taken(tmp_path):
    data = DataFolder(tmp_path / "data")
    (data.root / "mine").mkdir(parents=True)
    with data.locked("AAPL", PERIOD):
        pass
    assert list(data.root.iterdir()) == [data.root / "mine"]
    with data.locked("AAPL", PERIOD):
        (data.raw("AAPL", PERIOD) / "TRADES.dbn.zst").touch()
    assert (data.raw("AAPL", PERIOD) / "TRADES.dbn.zst").exists()
