"""`kill -9` of a derivation at every named point: what is in place is true, and run again it is what a twin has."""

import hashlib
import json
import re
import signal
from pathlib import Path

import pytest

from stage1 import resources
from stage1.operations.data_folder import DataFolder
from tests.plugins.tick_files import YEAR, plain_bars, put, spread_over, stored_bars

OPERATIONS = Path(resources.__file__).parent / "operations"
POINTS = sorted(
    point
    for path in OPERATIONS.glob("*.py")
    for point in re.findall(r'faults\.reach\("(derive: [^"]+)"\)', path.read_text(encoding="utf-8"))
)
BEFORE = ["nothing", "fewer months", "other months"]


def command(run_cli, folder, **environment):
    folder.mkdir(exist_ok=True)
    return run_cli("derive", "--symbol", "AAPL", "--year", "2023", cwd=folder, env=environment)


def of(folder):
    """What anybody may see: names and bytes, but for the memory of hashes; the time of the manifest is not compared."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}
    manifest = json.loads(found.pop("manifest.json"))
    return found, manifest | {"generated_at": None}


def require_truth(folder):
    """No manifest, or one whose files have the bytes that it says."""
    if (folder / "manifest.json").exists():
        for each in json.loads((folder / "manifest.json").read_bytes())["outputs"]:
            content = (folder / each["path"].rpartition("/")[2]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == each["sha256"], each["path"]


def test_the_points_are_found():
    assert len(POINTS) == len(set(POINTS)) == 6


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("point", [*POINTS, "before .known.json is renamed"])
def test_killed_and_run_again(run_cli, tmp_path, point, before):
    made = spread_over("2023-02-10", "2023-05-03", 600)
    earlier = {
        "nothing": None,
        "fewer months": made[:300],
        "other months": spread_over("2023-01-10", "2023-03-20", 600, seed=2),
    }[before]
    data, twin = DataFolder(tmp_path / "here/data"), DataFolder(tmp_path / "twin/data")
    if earlier is not None:
        put(data, trades=earlier, tbbo=earlier)
        assert command(run_cli, tmp_path / "here").exit_code == 0
    for each in (data, twin):
        put(each, trades=made, tbbo=made)
    undisturbed = command(run_cli, tmp_path / "twin")
    assert undisturbed.exit_code == 0, undisturbed.stderr
    if point == "before .known.json is renamed":
        (data.raw("AAPL", YEAR) / ".known.json").unlink(missing_ok=True)
    killed = command(run_cli, tmp_path / "here", STAGE1_KILL_AT=point)
    if before == "nothing" and point == "derive: the old manifest is gone":
        assert killed.exit_code == 0, "there is no old manifest that could go"
    else:
        assert killed.exit_code == -signal.SIGKILL, f"{point} was not reached: {killed.stderr}"
    folder = data.bars("AAPL", YEAR)
    if folder.exists():
        require_truth(folder)
    again = command(run_cli, tmp_path / "here")
    assert again.exit_code == 0, again.stderr
    assert of(folder) == of(twin.bars("AAPL", YEAR))
    assert stored_bars(folder) == plain_bars(made, made)
    assert command(run_cli, tmp_path / "here").json[0]["status"] == "unchanged"
