"""`kill -9` of a fetch at every named point and in the middle of a download, run again: the files of a twin, paid for once."""

import re
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stage1 import resources
from tests.plugins.fetched_files import QUARTER, QUARTER_FOLDER, environment, fetch_here, plain, small_vendor, tree
from tests.standin.faults import LIMIT, Gate, slow, too_many

OPERATIONS = Path(resources.__file__).parent / "operations"
POINTS = [
    *sorted(
        point for path in OPERATIONS.glob("*.py") for point in re.findall(r'faults\.reach\("(fetch: [^"]+)"\)', path.read_text())
    ),
    *(f"before {name} is renamed" for name in ("plan.json", "TRADES.dbn.zst", "TRADES.json", ".known.json")),
]
FILE = f"{QUARTER_FOLDER}/TRADES.dbn.zst"
NOT_OVER, OVER = datetime(2023, 2, 8, 15, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)


def test_the_points_are_found():
    assert len(POINTS) == len(set(POINTS)) >= 11


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The files of a fetch that nobody killed: of the quarter at once, and of the quarter in two steps."""
    found = {}
    for ends in ((OVER,), (NOT_OVER, OVER)):
        folder = tmp_path_factory.mktemp("twin")
        with small_vendor() as vendor:
            for vendor.service.available_end in ends:
                assert fetch_here(vendor, folder, *QUARTER) == 0
        found[ends] = tree(folder)
    return found


@pytest.fixture
def vendor():
    with small_vendor() as serving:
        yield serving


def test_twins_have_the_same_records(undisturbed):
    at_once, in_steps = (plain(files[FILE]) for files in undisturbed.values())
    assert at_once == in_steps


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_run_again(point, vendor, run_cli, tmp_path, undisturbed):
    data = tmp_path / "data"
    settings = environment(vendor, data)
    killed = run_cli("fetch", *QUARTER, env={**settings, "STAGE1_KILL_AT": point})
    assert killed.exit_code == -signal.SIGKILL, f"{point} was not reached: {killed.stderr}"
    assert fetch_here(vendor, data, *QUARTER) == 0
    assert tree(data) == undisturbed[OVER,]
    assert vendor.journal.asked_twice() == []
    assert len(vendor.journal.downloads()) == 3


@pytest.mark.parametrize(
    "point", [point for point in POINTS if point not in ("fetch: segment arrived", "before plan.json is renamed")]
)
def test_an_extension_is_killed_and_run_again(point, vendor, run_cli, tmp_path, undisturbed):
    data = tmp_path / "data"
    settings = environment(vendor, data)
    vendor.service.available_end = NOT_OVER
    assert fetch_here(vendor, data, *QUARTER) == 0
    partial = tree(data)
    vendor.service.available_end = OVER
    killed = run_cli("fetch", *QUARTER, env={**settings, "STAGE1_KILL_AT": point})
    assert killed.exit_code == -signal.SIGKILL, f"{point} was not reached: {killed.stderr}"
    assert tree(data)[FILE] in (partial[FILE], undisturbed[NOT_OVER, OVER][FILE])
    assert fetch_here(vendor, data, *QUARTER) == 0
    assert tree(data) == undisturbed[NOT_OVER, OVER]
    assert vendor.journal.asked_twice() == []


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_in_the_middle_of_a_download(signal_number, vendor, start_cli, tmp_path, undisturbed):
    data = tmp_path / "data"
    settings = environment(vendor, data)
    gate = Gate()
    gate.let(3_000)
    vendor.faults.add(slow(gate), start="2023-02")
    process = start_cli("fetch", *QUARTER, env=settings)
    gate.wait_until_it_holds()
    folder = data / QUARTER_FOLDER
    sent = time.monotonic()
    process.send_signal(signal_number)
    _, said = process.communicate(timeout=LIMIT)
    took = time.monotonic() - sent
    gate.open()
    torn = [path.name for path in folder.rglob("*.part")]
    if signal_number is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
        assert torn == ["20230201-20230301.dbn.zst.part"]
    else:
        assert process.returncode == 5, said
        assert took < 2
        assert torn == []
        assert "Traceback" not in said
    assert {path.name for path in (folder / "TRADES.segments").glob("*.zst")} == {"20230101-20230201.dbn.zst"}
    assert fetch_here(vendor, data, *QUARTER) == 0
    assert tree(data) == undisturbed[OVER,]
    assert [entry.form["start"][5:7] for entry in vendor.journal.downloads()] == ["01", "02", "02", "03"]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_the_vendor_asks_to_wait(signal_number, vendor, start_cli, tmp_path):
    vendor.faults.add(too_many(100), start="2023-02")
    process = start_cli("fetch", *QUARTER, env=environment(vendor, tmp_path / "data"))
    assert process.stderr
    while "next try in 100.0 s" not in (line := process.stderr.readline()):
        assert line, "it ended"
    process.send_signal(signal_number)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 5
    assert not list((tmp_path / "data").rglob("*.part"))


def test_a_forced_fetch_is_killed_and_the_old_file_stays_until_the_new_one_is_whole(vendor, run_cli, tmp_path, undisturbed):
    data = tmp_path / "data"
    settings = environment(vendor, data)
    assert fetch_here(vendor, data, *QUARTER) == 0
    for point in ("fetch: planned", "fetch: segment named", "fetch: joined", "fetch: recorded", "fetch: in its place"):
        killed = run_cli("fetch", *QUARTER, "--force", env={**settings, "STAGE1_KILL_AT": point})
        assert killed.exit_code == -signal.SIGKILL, f"{point} was not reached: {killed.stderr}"
        assert tree(data)[FILE] == undisturbed[OVER,][FILE]
    assert fetch_here(vendor, data, *QUARTER, DATABENTO_API_KEY="") == 0
    assert tree(data) == undisturbed[OVER,]
