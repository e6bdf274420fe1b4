"""The restore drill: a server that has never seen the roles, of another version too, and one whose disk fills up."""

import shutil
import socket
import tempfile
from pathlib import Path

import psycopg
import pytest

from stage1 import settings as settings_module
from stage1.database import binaries
from stage1.database.embedded import EmbeddedServer
from stage1.errors import BinariesMissing
from tests.integration.backup_proof.conftest import UPSERT, Copy, take
from tests.plugins.own_servers import OwnServer

pytestmark = pytest.mark.xdist_group("own_server")

RESTORED = "trading"


def restore(run_cli, target, copy, *options, **env):
    return run_cli(
        "backup",
        "restore",
        copy.name,
        "--replace",
        target.name,
        "--yes",
        "--of-another",
        *options,
        database=target,
        env={**copy.env, **env},
    )


def scratches(own_server):
    rows = own_server.database().rows(r"select datname from pg_database where datname like 'stage1\_scratch%'")
    return [row["datname"] for row in rows]


def roles(own_server):
    rows = own_server.database().rows("select rolname from pg_roles where rolname !~ '^pg_' order by 1")
    return [row["rolname"] for row in rows]


@pytest.mark.long
def test_a_server_that_has_never_seen_the_roles(own_server, copy, run_cli):
    target = own_server.as_role("stage1", own_server.database(RESTORED))
    assert roles(own_server) == ["stage1"]
    verified = run_cli("backup", "verify", copy.name, database=own_server.database(), env=copy.env)
    assert verified.exit_code == 0, verified.stderr
    assert "Owners and grants were left out" in verified.stderr
    assert roles(own_server) == ["stage1"]
    found = restore(run_cli, target, copy)
    assert found.exit_code == 0, found.stderr
    made = roles(own_server)
    assert {"stage1_owner", "stage1_app", "stage1_ingest", "stage1_readonly", "stage1_replay"} <= set(made)
    assert "without a password" in found.stderr
    assert "stage1_app" in found.stderr
    # Of all the roles of the other cluster only those that the dump needs.
    assert set(made) == {"stage1"} | {name for name in made if name.startswith("stage1_")}
    database = own_server.database(RESTORED)
    assert database.rows("select * from stage1_internal.role_gaps") == []
    assert database.value("select count(*) from public.stage1_datasets") == 3
    database.rows("alter role stage1_app password 'for this drill alone'")
    with own_server.as_role("stage1_app", database, "for this drill alone").connect() as connection:
        connection.execute(UPSERT.format(7).encode())
    status = run_cli("status", database=database, env=copy.env)
    assert status.exit_code == 0, [line for line in status.json["lines"] if line["state"] != "ok"]
    assert run_cli("migrate", "--plan", database=database).json == []


def test_existing_roles_stay_as_they_are(own_server, copy, run_cli):
    own_server.database().rows("create role stage1_app nologin connection limit 3")
    found = restore(run_cli, own_server.database(RESTORED), copy)
    assert found.exit_code == 0, found.stderr
    [role] = own_server.database().rows("select rolcanlogin, rolconnlimit from pg_roles where rolname = 'stage1_app'")
    assert role == {"rolcanlogin": False, "rolconnlimit": 3}


def test_a_role_that_may_not_make_roles_is_told_the_statements(own_server, copy, run_cli):
    own_server.database().rows("create role carol login createdb")
    target = own_server.as_role("carol", own_server.database(RESTORED))
    found = restore(run_cli, target, copy)
    assert found.exit_code == 4, found.stderr
    assert "CREATE ROLE stage1_owner;" in found.stderr
    assert roles(own_server) == ["carol", "stage1"]
    assert scratches(own_server) == []
    assert own_server.database().value("select count(*) from pg_database where datname = 'trading'") == 0
    # Its own it may have all the same.
    found = restore(run_cli, target, copy, "--without-owners")
    assert found.exit_code == 0, found.stderr
    assert own_server.database(RESTORED).value("select tableowner from pg_tables where tablename = 'stage1_datasets'") == "carol"


def test_a_needed_superuser_is_not_made(own_server, copy, run_cli):
    weak, strong = "ALTER ROLE stage1_owner WITH NOSUPERUSER", "ALTER ROLE stage1_owner WITH SUPERUSER"
    text = (copy.path / "roles.sql").read_text()
    assert weak in text
    copy.put("roles.sql", text.replace(weak, strong).encode())
    found = restore(run_cli, own_server.database(RESTORED), copy)
    assert found.exit_code == 3, found.stderr
    assert "stage1_owner" in found.stderr
    assert "--without-owners" in found.stderr
    assert roles(own_server) == ["stage1"]
    assert scratches(own_server) == []


def test_nothing_else_of_the_roles_file_is_executed(own_server, copy, run_cli):
    text = (copy.path / "roles.sql").read_text()
    evil = "CREATE ROLE evil SUPERUSER;\nALTER ROLE stage1 WITH NOLOGIN;\nselect 1/0;\n"
    evil += "GRANT pg_execute_server_program TO stage1_app;\n"
    copy.put("roles.sql", (evil + text + evil).encode())
    found = restore(run_cli, own_server.database(RESTORED), copy)
    assert found.exit_code == 0, found.stderr
    assert "evil" not in roles(own_server)
    assert "left out" in found.stderr
    assert own_server.database().value("select pg_has_role('stage1_app', 'pg_execute_server_program', 'member')") is False


def test_a_full_disk_is_said_and_the_scratch_database_is_dropped(own_server, run_cli, tmp_path):
    own_server.new_database("large").rows("create table public.t as select md5(x::text) from generate_series(1, 60000) as x")
    copy = Copy(take(own_server.database("large"), tmp_path / "made"), tmp_path / "made")
    with own_server.small_disk("small", 2):
        own_server.database().rows("alter role stage1 set default_tablespace = small")
        try:
            # A verification leaves the dump's own tablespaces out: the tables go where those of the role go.
            found = run_cli("backup", "verify", copy.name, database=own_server.database(), env=copy.env)
        finally:
            own_server.database().rows("alter role stage1 reset default_tablespace")
    assert found.exit_code == 4, found.stderr
    assert "No space left on device" in found.stderr
    assert scratches(own_server) == []
    assert copy.backup.verification is None


def _server_of(major, project):
    settings = settings_module.load(start=project)
    try:
        chosen = binaries.find(settings, major)
        binaries.find(settings, major, ("pg_dump", "pg_dumpall", "pg_restore"))
    except BinariesMissing:
        pytest.skip(f"PostgreSQL {major} is not here")
    server = EmbeddedServer(project, settings, throwaway=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return OwnServer(server, server.start(port, chosen).password_file.read_text().strip())


@pytest.mark.long
def test_a_backup_of_an_older_version_goes_to_a_newer_server_and_never_back(run_cli, tmp_path):
    projects = [Path(tempfile.mkdtemp(prefix=f"stage1-{major}-")) for major in (15, 18)]
    started = []
    try:
        for major, project in zip((15, 18), projects, strict=True):
            started.append(_server_of(major, project))
        old, new = started
        source = old.new_database("trading")
        assert run_cli("migrate", database=source).exit_code == 0
        source.rows(UPSERT.format(1))
        source.rows("create table public.odd as select 'infinity'::timestamptz as a, 'NaN'::numeric as b, -0.0::float8 as c")
        copy = Copy(take(source, tmp_path / "backups"), tmp_path / "backups")
        verified = run_cli("backup", "verify", copy.name, database=new.database())
        assert verified.exit_code == 0, verified.stderr
        found = restore(run_cli, new.database("trading"), copy)
        assert found.exit_code == 0, found.stderr
        assert new.database("trading").rows("select * from stage1_internal.role_gaps") == []
        back = Copy(take(new.database("trading"), tmp_path / "back"), tmp_path / "back")
        refused = restore(run_cli, source, back)
        assert refused.exit_code == 3, refused.stderr
        assert "PostgreSQL 18" in refused.stderr
    finally:
        for server in started:
            server.embedded.destroy()
        for project in projects:
            shutil.rmtree(project, ignore_errors=True)


def test_a_login_without_any_password_cannot_log_in_by_one(own_server, copy, run_cli):
    assert restore(run_cli, own_server.database(RESTORED), copy).exit_code == 0
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        own_server.as_role("stage1_app", own_server.database(RESTORED), "guessed").connect()
