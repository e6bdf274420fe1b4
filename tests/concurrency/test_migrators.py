"""Several migrators at once: one set of changes, and all of them succeed."""

import time

import pytest

from stage1.database.locks import MIGRATION_LOCK
from tests.plugins.fingerprints import fingerprint

HERE = "l.database = (select oid from pg_database where datname = current_database())"
GATE = "perform 1 from pg_stat_activity where application_name = 'test gate';"
HOLD = f"select pg_advisory_xact_lock({MIGRATION_LOCK})"


def finish(processes):
    ended = [process.communicate(timeout=100) for process in processes]
    for process, (_, said) in zip(processes, ended, strict=True):
        assert process.returncode == 0, said
    return ended


def applied_once(database):
    rows = database.rows("select migration_id from stage1_internal.applied_migrations")
    marks = database.value("select count(*) from stage1_internal._yoyo_migration")
    assert marks == len(rows) == len({row["migration_id"] for row in rows})
    return len(rows)


def test_four_on_one_empty_database_make_one_set_of_changes(new_database, start_cli, run_cli):
    database, twin = new_database(), new_database()
    ended = finish([start_cli("migrate", database=database) for _ in range(4)])
    count = applied_once(database)
    assert sum(f"done: {count} migrations applied" in said for _, said in ended) == 1
    assert run_cli("migrate", database=twin).exit_code == 0
    assert fingerprint(database) == fingerprint(twin)
    assert run_cli("migrate", database=database).json["nothing_to_do"] is True


@pytest.mark.long
@pytest.mark.xdist_group("own_server")
def test_twelve_on_three_databases_of_a_fresh_cluster(own_server, start_cli, run_cli):
    databases = [own_server.new_database(f"one_{number}") for number in range(3)]
    finish([start_cli("migrate", database=database) for database in databases for _ in range(4)])
    for database in databases:
        assert applied_once(database)
        assert run_cli("migrate", database=database).json["nothing_to_do"] is True
        assert run_cli("status", database=database).exit_code == 0
    assert fingerprint(databases[0]) == fingerprint(databases[1]) == fingerprint(databases[2])


def test_the_one_that_waits_names_the_holder(database, start_cli):
    with database.connect(autocommit=False) as holder:
        holder.execute(HOLD)
        process = start_cli("migrate", database=database)
        assert process.stderr
        said = next(line for line in process.stderr if "Another migration" in line)
        assert f"process {holder.info.backend_pid} of " in said
        assert process.poll() is None
        holder.rollback()
    finish([process])


def test_who_does_not_want_to_wait_is_told_so(database, run_cli):
    with database.connect(autocommit=False) as holder:
        holder.execute(HOLD)
        pid = holder.info.backend_pid
        found = run_cli("migrate", database=database, env={"STAGE1_MIGRATION_WAIT": "0"})
    assert found.exit_code == 4
    assert f"process {pid}" in found.stderr
    assert "Traceback" not in found.stderr


def test_another_database_does_not_wait(database, new_database, run_cli):
    with database.connect(autocommit=False) as holder:
        holder.execute(HOLD)
        assert run_cli("migrate", database=new_database(), env={"STAGE1_MIGRATION_WAIT": "0"}).exit_code == 0


def test_status_and_plan_do_not_wait(database, run_cli):
    with database.connect(autocommit=False) as holder:
        holder.execute(HOLD)
        assert run_cli("status", database=database).exit_code == 0
        assert run_cli("migrate", "--plan", database=database).exit_code == 0


def test_a_killed_migrator_frees_the_lock_and_its_statement_ends(database, package, start_cli, run_cli):
    package.add_migration("sleep", "create table public.zz (); select pg_sleep(100);\n")
    running = (
        "select 1 from pg_stat_activity where datname = current_database() and state = 'active' and query ~ '^ *select pg_sleep'"
    )
    process = start_cli("migrate", "--without-backup", database=database, package=package.path)
    _wait_for(lambda: database.rows(running))
    process.kill()
    process.communicate()
    locks = f"select 1 from pg_locks as l where locktype = 'advisory' and {HERE}"
    _wait_for(lambda: not database.rows(locks))
    _wait_for(lambda: not database.rows(running))
    assert database.value("select to_regclass('public.zz') is null") is True
    assert run_cli("migrate", database=database, env={"STAGE1_MIGRATION_WAIT": "0"}).json["nothing_to_do"] is True


def test_an_index_built_concurrently_does_not_wait_for_a_waiting_migrator(database, package, start_cli):
    package.add_migration(
        "index",
        "-- transactional: false\n"
        f"do $$ begin {GATE} while found loop perform pg_sleep(0.01), pg_stat_clear_snapshot(); {GATE} end loop; end $$;\n"
        "create index concurrently if not exists zz_idx on public.walkforward_runs (status);\n",
    )
    env = {"STAGE1_LOCK_TIMEOUT": "3", "STAGE1_LOCK_RETRIES": "0"}
    with database.connect(application_name="test gate"):
        first = start_cli("migrate", "--without-backup", database=database, package=package.path, env=env)
        _wait_for(
            lambda: database.rows(
                "select 1 from pg_stat_activity where datname = current_database() and query like 'do $$ begin perform%%'"
            )
        )
        second = start_cli("migrate", "--without-backup", database=database, package=package.path)
        assert second.stderr
        next(line for line in second.stderr if "waiting for it" in line)
    (_, said), _ = finish([first, second])
    assert "trying again" not in said
    assert database.value("select indisvalid from pg_index where indexrelid = 'public.zz_idx'::regclass") is True


def _wait_for(condition):
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
