"""A server that is not there or says no: one sentence, the right exit code, no traceback, no secret."""

import os
import signal
import socket
import time

import pytest
from psycopg import conninfo

from tests.plugins.fingerprints import fingerprint

SLEEPING = (
    "select pid from pg_stat_activity where datname = current_database() and state = 'active' and query ~ '^ *select pg_sleep'"
)
HERE = "database = (select oid from pg_database where datname = current_database())"
PASSWORD = "hunter22-sécret"
COMMANDS = [["migrate"], ["migrate", "--plan"], ["status"], ["datasets", "list"], ["backup", "create"]]


def refused(found, *sentences, exit_code=4):
    assert found.exit_code == exit_code, found.stderr
    for sentence in sentences:
        assert sentence in found.stderr
    assert found.stdout == ""
    assert "Traceback" not in found.stderr
    assert "a bug" not in found.stderr
    assert PASSWORD not in found.said
    assert len([line for line in found.stderr.splitlines() if line.startswith("error:")]) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_no_server(run_cli, tmp_path, command):
    refused(run_cli("--database", f"host={tmp_path} user=u dbname=d password={PASSWORD}", *command), "No connection to d on")


def test_a_closed_port(run_cli):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        found = run_cli("status", env={"DATABASE_URL": f"postgresql://u:hunter22-s%C3%A9cret@127.0.0.1:{port}/d"})
    refused(found, f"No connection to d on 127.0.0.1:{port} as u (from DATABASE_URL).", "refused")
    assert "hunter22" not in found.said


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(run_cli):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        started = time.monotonic()
        url = f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/d"
        found = run_cli("--database", url, "status", env={"STAGE1_CONNECT_TIMEOUT": "1"})
    refused(found, "No connection")
    assert time.monotonic() - started < 15


def test_a_name_that_does_not_resolve(run_cli):
    refused(run_cli("--database", "host=nowhere.invalid dbname=d", "status"), "nowhere.invalid")


def test_several_hosts_of_which_one_answers(run_cli, database, tmp_path):
    parts = conninfo.conninfo_to_dict(database.url)
    hosts = f"{tmp_path},{parts['host']}"
    found = run_cli(
        "--database", f"host={hosts} port={parts['port']} user={parts['user']} dbname={database.name}", "datasets", "list"
    )
    assert found.exit_code == 0, found.stderr


def test_an_unknown_database(run_cli, database):
    parts = {**conninfo.conninfo_to_dict(database.url), "dbname": "nowhere"}
    refused(run_cli("--database", conninfo.make_conninfo("", **parts), "status"), 'database "nowhere" does not exist')


def test_something_else_listens(run_cli):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        if os.fork() == 0:  # a child that answers like a web server
            connection, _ = other.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()
            os._exit(0)
        found = run_cli("--database", f"host=127.0.0.1 port={other.getsockname()[1]} user=u dbname=d sslmode=disable", "status")
        os.wait()
    refused(found, "No connection")


@pytest.mark.xdist_group("own_server")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_password(run_cli, own_server, command):
    url = f"host=127.0.0.1 port={own_server.port} user=stage1 dbname=postgres password={PASSWORD}"
    refused(run_cli("--database", url, *command), "password authentication failed")


@pytest.mark.xdist_group("own_server")
def test_no_password(run_cli, own_server):
    url = f"host=127.0.0.1 port={own_server.port} user=stage1 dbname=postgres"
    refused(run_cli("--database", url, "status", env={"PGPASSFILE": "/dev/null"}), "password")


@pytest.mark.xdist_group("own_server")
def test_the_right_password_is_never_seen(own_server, run_cli, wrapped_programs):
    database = own_server.new_database("secret")
    database.rows("create table public.t as select 1 as x")
    own_server.database().rows("alter role stage1 password 'p@ss/w:rd %41'")
    env = {
        "DATABASE_URL": f"postgresql://stage1:p%40ss%2Fw%3Ard%20%2541@127.0.0.1:{own_server.port}/secret",
        **wrapped_programs.env,
    }
    try:
        for command in (["migrate"], ["status"], ["doctor"], ["backup", "create"], ["psql", "-c", "select 1"]):
            found = run_cli(*command, env=env)
            assert found.exit_code == 0, found.stderr
            for secret in ("p@ss", "p%40ss", "w:rd"):
                assert secret not in found.said
                assert secret not in wrapped_programs.calls
        assert "pg_dump --format" in wrapped_programs.calls
    finally:
        own_server.database().rows(f"alter role stage1 password '{own_server.password}'")


def test_a_read_only_database(run_cli, database, package):
    package.add_migration("make_a", "create table public.a ();\n")
    database.rows(f"alter database {database.name} set default_transaction_read_only = on")
    found = run_cli("migrate", "--without-backup", database=database, package=package.path)
    refused(found, "accepts reads only")
    assert run_cli("status", database=database).exit_code == 0
    assert run_cli("migrate", database=database).exit_code == 0
    refused(run_cli("datasets", "upsert", "A", "--ohlcv", "o", "--indicators", "i", database=database), "accepts reads only")


def test_an_empty_read_only_database(run_cli, empty_database):
    empty_database.rows(f"alter database {empty_database.name} set default_transaction_read_only = on")
    before = fingerprint(empty_database)
    refused(run_cli("migrate", database=empty_database), "accepts reads only")
    assert fingerprint(empty_database) == before


@pytest.mark.parametrize("command", [["datasets", "list"], ["datasets", "show", "x"]])
def test_a_database_that_is_not_migrated(run_cli, empty_database, command):
    refused(run_cli(*command, database=empty_database), "stage1 migrate")


def test_a_slow_statement_is_ended(run_cli, database):
    with database.connect(autocommit=False) as holder:
        holder.execute("lock table public.stage1_datasets in access exclusive mode")
        env = {"STAGE1_STATEMENT_TIMEOUT": "0.3", "STAGE1_LOCK_TIMEOUT": "20"}
        found = run_cli("datasets", "list", database=database, env=env)
    refused(found, "took too long", "57014")


def test_values_out_of_range_are_refused_and_no_bug(run_cli, database):
    upsert = ["datasets", "upsert", "A", "--ohlcv", "o", "--indicators", "i"]
    for arguments in (
        ["datasets", "list", "--limit", "3000000000"],
        [*upsert, "--ohlcv-rows", "99999999999999999999"],
        [*upsert, "--metadata", "NaN"],
        [*upsert, "--metadata", "[1]"],
        [*upsert, "--ohlcv-first", "yesterday"],
        [*upsert, "--id", "1"],
        ["datasets", "list", "--limit", "many"],
    ):
        found = run_cli(*arguments, database=database)
        assert found.exit_code == 2, found.stderr
        assert "Traceback" not in found.stderr
    for arguments in (
        ["datasets", "list", "--limit", "-1"],
        ["datasets", "list", "--offset", "-1"],
        [*upsert, "--metadata", '{"a": "\\u0000"}'],
        [*upsert, "--metadata", '{"a": "\\ud800"}'],
        ["datasets", "upsert", "", "--ohlcv", "o", "--indicators", "i"],
        ["datasets", "show", "\udcff"],
    ):
        refused(run_cli(*arguments, database=database), exit_code=3)
    refused(run_cli("datasets", "show", "nothing", database=database), "[S1C02]", exit_code=1)


def test_rows_that_python_cannot_hold_do_not_hide_the_others(run_cli, database):
    database.rows(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, ohlcv_first_ts,"
        " ohlcv_last_ts) values (gen_random_uuid(), 'far', 'o', 'i', '-infinity', 'infinity')"
    )
    found = run_cli("datasets", "list", database=database)
    assert found.exit_code == 0, found.stderr
    assert found.json[0]["ohlcv_last_ts"] == "infinity"


def test_a_server_that_is_killed_in_the_middle(doomed_server, start_cli, package):
    database = doomed_server.new_database("doomed")
    package.add_migration("sleep", "select pg_sleep(60);\n")
    process = start_cli("migrate", database=database, package=package.path)
    _wait_for(lambda: database.rows(SLEEPING))
    doomed_server.kill()
    out, said = process.communicate(timeout=60)
    assert process.returncode == 4, said
    assert "Traceback" not in said
    assert "closed the connection" in said
    assert out == ""
    doomed_server.embedded.start()
    (package.migrations / f"{package.newest}.sql").unlink()
    from stage1.database.migration_files import seal

    lines = (package.migrations / "checksums.txt").read_text().splitlines()
    (package.migrations / "checksums.txt").write_text("\n".join(lines[:-1]) + "\n")
    assert seal(package.migrations) == []
    again = start_cli("migrate", database=doomed_server.database("doomed"), package=package.path)
    _, said = again.communicate(timeout=60)
    assert again.returncode == 0, said


def test_a_session_that_is_ended_by_an_administrator(database, start_cli, package):
    before = fingerprint(database, with_times=True)
    package.add_migration("sleep", "create table public.a (); select pg_sleep(60);\n")
    process = start_cli("migrate", "--without-backup", database=database, package=package.path)
    _wait_for(lambda: database.rows(SLEEPING))
    database.rows(f"select pg_terminate_backend(pid) from ({SLEEPING}) as s")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 4, said
    assert "Traceback" not in said
    assert fingerprint(database, with_times=True) == before


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_leaves_nothing_half_done(database, start_cli, package, sign):
    package.add_migration("make_a", "create table public.a ();\n")
    before = fingerprint(database, with_times=True)
    package.add_migration("sleep", "create table public.b (); select pg_sleep(60);\n")
    process = start_cli("migrate", "--without-backup", database=database, package=package.path)
    _wait_for(lambda: database.rows(SLEEPING))
    process.send_signal(sign)
    out, said = process.communicate(timeout=30)
    assert process.returncode == 5, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert out == ""
    assert fingerprint(database, with_times=True) == before
    assert database.rows(f"select 1 from pg_locks where locktype = 'advisory' and {HERE}") == []


@pytest.mark.xdist_group("own_server")
def test_a_full_disk_of_the_server(own_server, start_cli, run_cli, tmp_path):
    with own_server.small_disk("small", 3) as grow:
        database = own_server.new_database("full_one")
        database.rows("create table public.indicator_datasets (dataset_id uuid primary key, symbol varchar(9)) tablespace small")
        database.rows("insert into public.indicator_datasets select gen_random_uuid(), 'x' from generate_series(1, 15000)")
        database.rows("alter database full_one set default_tablespace = small")
        found = run_cli("migrate", "--without-backup", database=database)
        grow(200)
        again = run_cli("migrate", "--without-backup", database=database)
        rows = database.value("select count(*) from public.stage1_datasets")
    assert found.exit_code == 4, found.stderr
    assert "A disk is full." in found.stderr
    assert "Traceback" not in found.stderr
    assert (again.exit_code, rows) == (0, 15000), again.stderr


def _wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
