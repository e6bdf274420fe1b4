"""A load that cannot go on: rolled back, said in the audit row or left to be taken over, and right when it is run again."""

import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stage1 import faults
from stage1 import settings as settings_module
from stage1.errors import ConnectionLost, FileChanged
from stage1.operations import ingest as operation
from stage1.operations.ingest_options import IngestOptions
from tests.plugins.dbn_files import Header, records, write
from tests.plugins.loaded_bars import bars, expected, findings, runs


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"


@pytest.mark.xdist_group("own_server")
def test_a_disk_that_fills_up_in_the_middle(own_server, run_cli, tmp_path):
    made = records(100_000)
    path = str(write(tmp_path / "es.dbn.zst", made))
    with own_server.small_disk("small_bars", 8) as grow:
        database = own_server.new_database("full_bars")
        assert run_cli("migrate", "--without-backup", database=database).exit_code == 0
        assert run_cli("ingest", path, "--limit", "1", database=database).exit_code == 0
        database.rows("alter table stage1_internal.market_bars_ohlcv_1m_2023 set tablespace small_bars")
        found = run_cli("ingest", path, database=database)
        held, after = bars(database), runs(database)
        grow(300)
        again = run_cli("ingest", path, database=database)
        loaded, checked = bars(database), findings(database)
    assert found.exit_code == 4, found.stderr
    assert "A disk is full." in found.stderr
    assert "Traceback" not in found.stderr
    assert held == expected(made[:1], "ESH3")
    assert after[-1]["status"] == "failed"
    assert "disk" in after[-1]["error"].lower()
    assert again.exit_code == 0, again.stderr
    assert loaded == expected(made, "ESH3")
    assert checked == []


@pytest.fixture
def stuck_load(database, start_cli, tmp_path):
    """A load that stands still in the middle: behind a chunk, another session holds what the next one needs."""
    made = records(200_000, start=datetime(2023, 1, 1, tzinfo=UTC))
    path = str(write(tmp_path / "es.dbn.zst", made))
    with database.connect() as holder:
        holder.execute("select stage1_internal.ensure_bar_partitions('2023-01-01', '2023-12-31')")
        # A row that is inserted and not committed: the load's own insert of that key waits for what becomes of it.
        holder.autocommit = False
        holder.execute(
            "insert into public.market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, ingestion_run_id)"
            " values ('ESH3', '2023-04-10', 1681084800000, 1, 1, 1, 1, 1)"
        )
        process = start_cli("ingest", path, database=database)
        waits = "select pid from pg_stat_activity where datname = %s and wait_event_type = 'Lock'"
        with database.connect() as observer:
            wait_for(lambda: observer.execute(waits, [database.name]).fetchone())
            [row] = observer.execute(waits, [database.name]).fetchall()
        yield process, row["pid"], holder, made, path
        holder.rollback()


def test_interrupted(stuck_load, database, run_cli):
    process, _, holder, made, path = stuck_load
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 5, said
    assert bars(database) == []
    [run] = runs(database)
    assert (run["status"], run["error"]) == ("failed", "interrupted")
    holder.rollback()
    assert run_cli("ingest", path, database=database).exit_code == 0
    assert bars(database) == expected(made, "ESH3")


def test_a_session_that_is_ended_by_the_server(stuck_load, database, run_cli):
    process, pid, holder, made, path = stuck_load
    database.rows("select pg_terminate_backend(%s)", pid)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 4, said
    assert "Traceback" not in said
    assert bars(database) == []
    [run] = runs(database)
    assert run["status"] == "failed"
    assert "connection" in run["error"]
    holder.rollback()
    assert run_cli("ingest", path, database=database).exit_code == 0
    assert bars(database) == expected(made, "ESH3")


def test_a_second_load_of_the_file_leaves_the_living_first_one_alone(stuck_load, database, run_cli, start_cli):
    process, _, holder, made, path = stuck_load
    second = start_cli("ingest", path, database=database)
    waits = "select count(*) as n from pg_stat_activity where datname = %s and wait_event_type = 'Lock'"
    with database.connect() as observer:
        wait_for(lambda: observer.execute(waits, [database.name]).fetchone()["n"] == 2)
    holder.rollback()
    for each in (process, second):
        _, said = each.communicate(timeout=60)
        assert each.returncode == 0, said
    assert [run["status"] for run in runs(database)] == ["success", "success"]
    assert bars(database) == expected(made, "ESH3")


def test_a_load_that_waits_too_long_says_so(database, run_cli, tmp_path):
    path = str(write(tmp_path / "es.dbn", records(10)))
    with database.connect(autocommit=False) as holder:
        holder.execute(
            "insert into public.market_bar_symbols (symbol, vendor, dataset, origin, bar_count, version)"
            " values ('ESH3', 'databento', 'GLBX.MDP3', 'vendor', 0, 0)"
        )
        found = run_cli("ingest", path, database=database, env={"STAGE1_LOAD_WAIT": "0.3"})
        holder.rollback()
    assert found.exit_code == 4, found.stderr
    assert runs(database)[0]["status"] == "failed"


def test_a_file_that_changes_between_proof_and_load(database, tmp_path, monkeypatch):
    path = write(tmp_path / "es.dbn", records(1_000))
    real = operation.Loader.make_partitions

    def exchanged(self, first, last):
        changed = records(1_000)
        changed["volume"][-1] += 1
        write(path, changed)
        real(self, first, last)

    monkeypatch.setattr(operation.Loader, "make_partitions", exchanged)
    with pytest.raises(FileChanged):
        operation.ingest(database.target, settings_module.load({}, Path("/")), path, IngestOptions())
    assert bars(database) == []
    [run] = runs(database)
    assert run["status"] == "failed"


def test_a_connection_that_is_lost_after_the_commit_was_sent_is_no_failure(database, tmp_path, monkeypatch):
    def lost(point):
        if point == "ingest: committed":
            raise ConnectionLost

    monkeypatch.setattr(faults, "reach", lost)
    made = records(100)
    path = write(tmp_path / "es.dbn", made)
    outcome = operation.ingest(database.target, settings_module.load({}, Path("/")), path, IngestOptions())
    assert (outcome.status, outcome.run["status"], outcome.run["row_count"]) == ("loaded", "success", 100)
    assert bars(database) == expected(made, "ESH3")


def test_bars_of_a_year_that_cannot_be_kept_are_refused_before_anything_is_written(database, run_cli, tmp_path):
    header = Header(start=datetime(2300, 1, 1, tzinfo=UTC), end=datetime(2301, 1, 1, tzinfo=UTC))
    path = str(write(tmp_path / "es.dbn", records(10, start=datetime(2300, 6, 1, tzinfo=UTC)), header))
    assert run_cli("ingest", path, "--dry-run").exit_code == 3
    assert run_cli("ingest", path, database=database).exit_code == 3
    assert runs(database)[0]["status"] == "failed"


def test_no_password_is_shown_or_recorded(run_cli, database, tmp_path):
    path = tmp_path / "es.dbn"
    path.write_bytes(b"postgresql://u:hunter22@h/d")
    found = run_cli("ingest", str(path), database=database)
    assert found.exit_code == 3
    assert "hunter22" not in found.said
    assert "hunter22" not in runs(database)[0]["error"]
    url = "postgresql://u:hunter22@127.0.0.1:1/d"
    assert "hunter22" not in run_cli("ingest", str(path), env={"DATABASE_URL": url}).said
