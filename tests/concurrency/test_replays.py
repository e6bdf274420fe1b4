"""Several replays at once: one works, the others say so; and where two meet at a statement, it is applied once."""

import hashlib
import signal
import threading

import psycopg
import pytest
from psycopg import conninfo

from tests.integration.replay.spools import PENDING, counts, dataset, make_spool, slugs

COUNT = 4_000


def expected():
    return sorted(f"d{number:05}" for number in range(COUNT))


def test_four_at_once_after_a_kill(run_cli, start_cli, database, tmp_path):
    spool = make_spool(tmp_path, "".join(dataset(f"d{number:05}") for number in range(COUNT)))
    env = {"STAGE1_SPOOL": str(spool)}
    killed = run_cli("replay", "run", database=database, env={**env, "STAGE1_KILL_AT": "replay: batch committed"})
    assert killed.exit_code == -signal.SIGKILL
    assert 0 < len(slugs(database)) < COUNT
    processes = [start_cli("replay", "run", database=database, env=env) for _ in range(4)]
    said = [process.communicate(timeout=60)[1] for process in processes]
    codes = sorted(process.returncode for process in processes)
    assert set(codes) <= {0, 4}, said
    assert codes[0] == 0
    for process, text in zip(processes, said, strict=True):
        assert process.returncode == 0 or "nother replay is" in text
    assert slugs(database) == expected()
    assert database.value("select count(*) from stage1_internal.replay_statements where status = 'applied'") == COUNT


def test_a_replay_holds_its_lock_while_it_waits(start_cli, run_cli, database, tmp_path, wait_until_somebody_is_blocked):
    spool = make_spool(tmp_path, dataset("a"))
    env = {"STAGE1_SPOOL": str(spool), "STAGE1_LOCK_TIMEOUT": "30"}
    with database.connect(autocommit=False) as holder:
        holder.execute("lock table public.stage1_datasets in access exclusive mode")
        first = start_cli("replay", "run", database=database, env=env)
        wait_until_somebody_is_blocked(database)
        other = make_spool(tmp_path / "other", dataset("b"))
        second = run_cli("replay", "run", database=database, env={"STAGE1_SPOOL": str(other)})
        assert second.exit_code == 4
        assert "Another replay is running on this database" in second.stderr
        assert (other / PENDING).exists(), "nothing was claimed"
        assert database.rows("select * from public.replays_stopped") == []
        holder.rollback()
    first.communicate(timeout=30)
    assert first.returncode == 0
    assert slugs(database) == ["a"]


def test_two_who_meet_at_a_statement(database, wait_until_blocked):
    """Without the lock of the replay, as after a fail-over that lost it: the ledger's key alone decides."""
    url = conninfo.make_conninfo(database.url, user="stage1_replay")
    text = dataset("x").rstrip(";\n")
    record = "select stage1_internal.record_applied(%s, %s, '{0}', %s, '{0}')"
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        run = first.execute("select stage1_internal.begin_replay()").fetchone()[0]
        spool = first.execute("select spool_id from stage1_internal.open_spool(%s, 'append:1', 'a')", [run]).fetchone()[0]
        first.commit()
        arguments = [run, spool, [hashlib.sha256(text.encode()).digest()]]
        first.execute(record, arguments)
        first.execute(text)
        problems = []

        def also() -> None:
            try:
                second.execute(record, arguments)
            except psycopg.Error as problem:
                problems.append(problem.sqlstate)

        thread = threading.Thread(target=also)
        thread.start()
        wait_until_blocked(second)
        first.commit()
        thread.join(20)
        assert problems == ["S1R05"]
    assert slugs(database) == ["x"]


@pytest.mark.parametrize("reason", ["a lock", "the server"])
def test_what_is_not_the_statements_fault_stops_the_run_and_keeps_the_file(
    run_cli, start_cli, database, tmp_path, wait_until_somebody_is_blocked, reason
):
    spool = make_spool(tmp_path, "".join(dataset(f"d{number:05}") for number in range(COUNT)))
    env = {"STAGE1_SPOOL": str(spool), "STAGE1_LOCK_TIMEOUT": "0.05" if reason == "a lock" else "30"}
    with database.connect(autocommit=False) as holder:
        holder.execute("lock table public.stage1_datasets in access exclusive mode")
        process = start_cli("replay", "run", database=database, env=env)
        if reason == "the server":
            wait_until_somebody_is_blocked(database)
            database.rows(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and application_name = 'stage1 replay'"
            )
        _, said = process.communicate(timeout=60)
        assert process.returncode == 4, said
        holder.rollback()
    [claimed] = (spool / "work").iterdir()
    assert claimed.name.startswith("append-")
    assert slugs(database) == []
    assert database.value("select count(*) from public.replays_stopped") == 1
    again = run_cli("replay", "run", database=database, env={"STAGE1_SPOOL": str(spool)})
    assert counts(again.json) == (COUNT, 0, 0, 0)
    assert slugs(database) == expected()
    assert database.rows("select * from public.replays_stopped") == []
