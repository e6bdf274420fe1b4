"""`kill -9` of a load at every named point, run again: the bars of a twin that nobody interrupted, each once."""

import re
import signal
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from stage1 import resources
from tests.plugins.dbn_files import records, write
from tests.plugins.loaded_bars import bars, expected, findings, runs, summaries

PACKAGE = Path(resources.__file__).parent
POINTS = sorted(
    point
    for folder in ("operations", "database")
    for path in (PACKAGE / folder).glob("*.py")
    for point in re.findall(r'faults\.reach\("(ingest: [^"]+)"\)', path.read_text())
)


def test_the_points_are_found():
    assert len(POINTS) == len(set(POINTS)) >= 7


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("before", ["into an empty table", "over other bars"])
def test_killed_and_run_again(run_cli, database, tmp_path, point, before):
    made = records(70_000, start=datetime(2023, 11, 25, tzinfo=UTC))
    made = made[made["ts_event"] < np.uint64(1_704_067_200_000_000_000)]
    earlier = records(1_000, start=datetime(2023, 11, 25, tzinfo=UTC), seed=9)
    path = write(tmp_path / "es.dbn.zst", made)
    if before == "over other bars":
        loaded = run_cli("ingest", str(write(tmp_path / "earlier.dbn", earlier)), database=database)
        assert loaded.exit_code == 0, loaded.stderr
    held = bars(database)
    killed = run_cli("ingest", str(path), database=database, env={"STAGE1_KILL_AT": point})
    assert killed.exit_code == -signal.SIGKILL, f"{point} was not reached: {killed.stderr}"
    committed = point == "ingest: committed"
    assert bars(database) == (expected(made, "ESH3") if committed else held)
    again = run_cli("ingest", str(path), database=database)
    assert again.exit_code == 0, again.stderr
    assert bars(database) == expected(made, "ESH3")
    [summary] = summaries(database)
    assert summary["bar_count"] == len(made)
    assert findings(database) == []
    statuses = [run["status"] for run in runs(database) if run["file_name"] == "es.dbn.zst"]
    assert statuses[-1] == "success"
    assert "running" not in statuses
    if not committed:
        assert statuses == ["failed", "success"]
        assert f"ingest {runs(database)[-1]['id']}" in runs(database)[-2]["error"]
