"""What the place of the old database is taken in spite of, and what it is refused for."""

import contextlib
import threading
import time

import psycopg
import pytest
from psycopg import conninfo, sql

from stage1.database import swapping
from stage1.database.connections import Purpose, connected
from tests.integration.backup_proof.conftest import Copy, take
from tests.plugins.databases import Database

# They look at all scratch databases of the server: one worker runs them.
pytestmark = pytest.mark.xdist_group("scratch_databases")


def test_clients_that_come_back_faster_than_the_network_do_not_stop_it(database, server_url, copy, kept):
    server, scratch, stop = Database(server_url, "postgres"), f"{database.name}_s", threading.Event()
    server.rows(f"create database {scratch} template template0")
    client = Database(f"{database.url} application_name=eager", database.name)

    def come_back():
        while not stop.is_set():
            with contextlib.suppress(psycopg.Error), client.connect() as connection:
                connection.execute("select pg_sleep(60)")

    def until_it_is_back():
        # Once the old one is renamed nobody comes back before the end of the transaction.
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            if server.rows("select 1 from pg_stat_activity where datname = %s and wait_event = 'PgSleep'", database.name):
                return

    thread = threading.Thread(target=come_back)
    thread.start()
    try:
        with connected(server.target, copy.settings, Purpose.MIGRATE) as connection:
            send = connection.execute

            def slowly(*arguments):
                if not kept():
                    until_it_is_back()
                return send(*arguments)

            until_it_is_back()
            connection.execute = slowly
            said = []
            found = swapping.swap(connection, copy.settings, database.name, scratch, said.append, replaces=True, disconnect=True)
        assert kept() == [found.kept]
        assert said == [f"ending 1 sessions on {database.name}"]
    finally:
        stop.set()
        while thread.is_alive():
            server.rows("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'eager'")
            thread.join(0.1)
        server.rows(f"drop database if exists {scratch}")


def test_a_backup_of_another_database_has_to_be_meant(database, copy, run_cli, kept, server_url):
    with Database(server_url, "postgres").connect() as connection:
        name = sql.Identifier(database.name)
        connection.execute(sql.SQL("drop database {}").format(name))
        connection.execute(sql.SQL("create database {} template template0 encoding 'LATIN1' locale 'C'").format(name))
    command = ["backup", "restore", copy.name, "--replace", database.name, "--yes"]
    refused = run_cli(*command, database=database, env=copy.env)
    assert refused.exit_code == 3, refused.stderr
    assert copy.backup.database in refused.stderr
    assert "--of-another" in refused.stderr
    assert kept() == []
    done = run_cli(*command, "--of-another", database=database, env=copy.env)
    assert done.exit_code == 0, done.stderr
    assert "the old database has the encoding LATIN1, the backup has UTF8" in done.stderr
    assert len(kept()) == 1


def test_a_setting_that_may_not_be_set_is_said_before_the_work_and_left_out(database, run_cli, server_url, kept):
    role, server = f"weak_{database.name}", Database(server_url, "postgres")
    with server.connect() as connection:
        for statement in (
            "create role {role} login createdb",
            "alter database {name} owner to {role}",
            "alter database {name} set log_statement = 'none'",
            "alter database {name} set work_mem = '5MB'",
        ):
            names = {"role": sql.Identifier(role), "name": sql.Identifier(database.name)}
            connection.execute(sql.SQL(statement).format(**names))
    try:
        made = run_cli("backup", "create", database=database).json["name"]
        named = f"{database.url} user={role}"
        found = run_cli("--database", named, "backup", "restore", made, "--replace", database.name, "--yes", "--without-owners")
        assert found.exit_code == 0, found.stderr
        assert found.stderr.count('permission denied to set parameter "log_statement"') == 1
        assert found.stderr.index("log_statement") < found.stderr.index("restoring ")
        [row] = server.rows(
            "select setconfig from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = %s)",
            database.name,
        )
        assert row["setconfig"] == ["work_mem=5MB"]
    finally:
        server.rows(f"alter database {database.name} owner to current_user")
        for old in kept():
            Database(conninfo.make_conninfo(database.url, dbname=old), old).rows(f"reassign owned by {role} to current_user")
        database.rows(f"reassign owned by {role} to current_user")
        server.rows(f"drop role {role}")


def test_it_is_made_in_the_tablespace_of_the_old_one(server_url, run_cli, tmp_path):
    server = Database(server_url, "postgres")
    name = f"spaced_{tmp_path.parent.name.replace('-', '_')}"
    database = Database(conninfo.make_conninfo(server_url, dbname=name), name)
    where = "select spcname from pg_database d join pg_tablespace t on t.oid = dattablespace where datname = %s"
    Database(f"{server_url} options='-c allow_in_place_tablespaces=on'", "postgres").rows(f"create tablespace {name} location ''")
    old = None
    try:
        server.rows(f"create database {name} template template0 tablespace {name}")
        made = Copy(take(database, tmp_path / "backups"), tmp_path / "backups")
        found = run_cli("backup", "restore", made.name, "--replace", name, "--yes", database=database)
        assert found.exit_code == 0, found.stderr
        old = found.json["old_database"]
        assert server.value(where, name) == name
    finally:
        for each in filter(None, (name, old)):
            server.rows(f'drop database if exists "{each}"')
        server.rows(f"drop tablespace {name}")
