"""`kill -9` of `stage1 data` between its steps, run again: files and bars of a twin that nobody interrupted, nothing asked twice.

The points within a step have tests of their own: test_fetch_is_killed, test_derive_is_killed, test_ingest_is_killed.
"""

import json
import signal

import pytest

from tests.plugins.fetched_files import environment, small_vendor, tree
from tests.plugins.loaded_bars import bars, findings, runs

AAPL = ("data", "--symbol", "AAPL", "--from", "2023-02-20", "--until", "2023-04-01")
POINTS = [
    "fetch: planned",
    "fetch: recorded",
    "fetch: in its place",
    "derive: the manifest has its name",
    "ingest: begun",
    "ingest: committed",
    "data: loaded",
    "data: registered",
]


@pytest.fixture(scope="module")
def vendor():
    with small_vendor() as serving:
        yield serving


@pytest.fixture(scope="module")
def twin(vendor, tmp_path_factory):
    """What an undisturbed run leaves: its files."""
    from stage1.cli import main

    folder = tmp_path_factory.mktemp("twin")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(vendor, folder / "data").items():
            patch.setenv(name, value)
        assert main.run([*AAPL, "--offline"]) == 0
    return results(folder / "data")


def results(folder):
    found = {name: content for name, content in tree(folder).items() if not name.endswith(".sqlite")}
    [manifest] = [name for name in found if name.endswith("manifest.json")]
    return found | {manifest: json.loads(found[manifest]) | {"generated_at": None}}


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_run_again(run_cli, database, vendor, twin, tmp_path, point):
    vendor.journal.clear()
    settings = environment(vendor, tmp_path / "data")
    killed = run_cli(*AAPL, database=database, env={**settings, "STAGE1_KILL_AT": point})
    assert killed.exit_code == -signal.SIGKILL, f"{point} was not reached: {killed.stderr}"
    again = run_cli(*AAPL, database=database, env=settings)
    assert again.exit_code == 0, again.stderr
    assert results(tmp_path / "data") == twin
    assert vendor.journal.asked_twice() == []
    [row] = again.json
    assert len(bars(database)) == row["bars"]
    assert {run["status"] for run in runs(database)} <= {"success", "failed"}
    assert findings(database) == []
    with database.connect() as connection:
        [kept] = connection.execute("select dataset_id, ingest_id from datasets").fetchall()
    assert kept == {"dataset_id": row["dataset_id"], "ingest_id": row["ingest_id"]}
