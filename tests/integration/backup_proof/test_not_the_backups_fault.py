"""What the server, the disk or the connection is to blame for is said, and is never called damage of a backup."""

import dataclasses
import os
import time

import pytest
from psycopg import conninfo, sql

from stage1.database import scratch_databases
from stage1.errors import LockHeld
from tests.integration.backup_proof.conftest import Copy, verified
from tests.plugins.databases import Database

# They look at all scratch databases of the server: one worker runs them.
pytestmark = pytest.mark.xdist_group("scratch_databases")


def test_a_locale_that_the_server_does_not_know_is_replaced_with_a_remark(copy, source):
    copy.reseal(properties=dataclasses.replace(copy.manifest.properties, collate="xx_YY.UTF-8", ctype="xx_YY.UTF-8"))
    found, said = verified(copy, source)
    assert found.ok, found.problem
    assert any("does not know the locale xx_YY.UTF-8" in line for line in said)


def test_a_dump_of_a_newer_version_is_refused_and_not_called_damaged(copy, source, run_cli):
    copy.reseal(server_major=99)
    found = run_cli("backup", "verify", copy.name, database=source, env=copy.env)
    assert found.exit_code == 3
    assert "PostgreSQL 99" in found.stderr
    assert copy.backup.verification is None


def test_no_password_is_in_an_argument_or_said(copy, source, run_cli, wrapped_programs):
    named = source.url + " password=hunter22 keepalives=1"
    found = run_cli("--database", named, "backup", "verify", copy.name, env={**copy.env, **wrapped_programs.env})
    assert found.exit_code == 0, found.stderr
    assert "pg_restore" in wrapped_programs.calls
    assert "--single-transaction" in wrapped_programs.calls
    assert "hunter22" not in wrapped_programs.calls + found.said


FAULTS_OF_OTHERS = {
    "no space": ('echo "ERROR: could not extend file: No space left on device" >&2; exit 1', 4, "disk is full|No space left"),
    "not permitted": ('echo "ERROR:  permission denied for schema x" >&2; exit 1', 4, "permission denied"),
    "server gone": ('echo "server closed the connection unexpectedly" >&2; exit 1', 4, "server closed"),
    "unknown": ('echo "ERROR:  language \\"plpython3u\\" does not exist" >&2; exit 1', 3, "could not be proven here"),
    "killed": ("kill -KILL $$", 3, "ended by signal 9"),
    "words of damage": (
        'echo "pg_restore: error: could not execute query: ERROR:  unexpected end of file in a corrupt block" >&2; exit 1',
        3,
        "could not be proven here",
    ),
    "a statement": ('printf "error: ERROR:  x\\nCommand was: user mapping\\nhunter22\\n" >&2; exit 1', 3, "ERROR: x"),
    "a row": ('printf "error: ERROR:  x\\nDETAIL:  Failing row: hunter22\\nCONTEXT:  hunter22\\n" >&2; exit 1', 3, "ERROR: x"),
    "extension": ('echo "ERROR:  extension \\"x\\" is not available" >&2; exit 1', 3, "is not available"),
    "password": ('echo "connection to server at \\"h\\" failed: postgresql://u:hunter22@h/db" >&2; exit 1', 4, "failed"),
}


@pytest.mark.parametrize("fault", FAULTS_OF_OTHERS)
def test_what_is_not_the_backup_s_fault_is_not_called_damage(fault, copy, source, run_cli, wrapped_programs, scratches):
    script, code, text = FAULTS_OF_OTHERS[fault]
    wrapped_programs.replace("pg_restore", f'case "$*" in *schema-only*) exec "$real" "$@";; esac; {script}')
    before = scratches()
    found = run_cli("backup", "verify", copy.name, database=source, env={**copy.env, **wrapped_programs.env})
    assert found.exit_code == code, found.stderr
    assert any(part in found.stderr for part in text.split("|"))
    assert "hunter22" not in found.said
    assert copy.backup.verification is None
    assert set(scratches()) <= set(before)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(copy, source, run_cli):
    copy.path.chmod(0o500)
    found = run_cli("backup", "verify", copy.name, database=source, env=copy.env)
    copy.path.chmod(0o700)
    assert found.exit_code == 4
    assert "cannot be kept" in found.stderr


def test_a_role_that_may_not_create_databases_is_told_what_it_takes(copy, source, server_url, run_cli):
    role = f"weak_{source.name}"
    with Database(server_url, "postgres").connect() as connection:
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
        try:
            named = f"{source.url} user={role}"
            found = run_cli("--database", named, "backup", "verify", copy.name, env=copy.env)
        finally:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
    assert found.exit_code == 4, found.stderr
    assert f"alter role {role} createdb" in found.stderr
    assert copy.backup.verification is None


@pytest.mark.parametrize("command", ["verify", "restore"])
def test_a_run_that_is_stopped_leaves_no_database_and_no_child(command, copy, database, start_cli, wrapped_programs, scratches):
    wrapped_programs.replace("pg_restore", 'case "$*" in *schema-only*) exec "$real" "$@";; esac; exec sleep 31.7')
    options = ["--replace", database.name, "--yes", "--of-another"] if command == "restore" else []
    before = scratches()
    process = start_cli("backup", command, copy.name, *options, database=database, env={**copy.env, **wrapped_programs.env})
    deadline = time.monotonic() + 30
    while "--single-transaction" not in wrapped_programs.calls:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    assert len(set(scratches()) - set(before)) == 1
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 5, said
    assert "interrupted" in said
    assert set(scratches()) <= set(before)
    assert copy.backup.verification is None


def test_the_database_is_told_no_more_than_what_happened(database, run_cli, wrapped_programs):
    name = run_cli("backup", "create", database=database).json["name"]
    script = 'printf "pg_restore: error: unexpected end of file\\nCommand was: hunter22" >&2; exit 1'
    wrapped_programs.replace("pg_restore", f'case "$*" in *schema-only*) exec "$real" "$@";; esac; {script}')
    found = run_cli("backup", "verify", name, database=database, env=wrapped_programs.env)
    assert found.exit_code == 1, found.stderr
    assert "unexpected end of file" in found.stderr
    assert "hunter22" not in found.said
    told = database.value("select problem from stage1_internal.backup_records")
    assert told == f"{name} is damaged: pg_restore ended with exit code 1."


def test_a_backup_of_another_cluster_is_none_of_this_database(database, run_cli, tmp_path):
    name = run_cli("backup", "create", database=database).json["name"]
    Copy(name, tmp_path / "backups").reseal(system_identifier="12345")
    newest = run_cli("backup", "verify", "--newest", database=database)
    assert newest.exit_code == 1, newest.stderr
    assert "There is no backup of" in newest.stderr
    assert run_cli("backup", "verify", name, database=database).exit_code == 0
    assert database.value("select count(*) from stage1_internal.backup_records where verified_at is not null") == 0


BOUND = {
    "policy": ["create table public.t (x integer)", "create policy p on public.t to {}"],
    "user mapping": [
        "create foreign data wrapper w",
        "create server s foreign data wrapper w",
        "create user mapping for {} server s options (password 'hunter22')",
    ],
}


@pytest.mark.parametrize("kind", BOUND)
def test_a_role_that_stays_in_a_dump_without_owners_has_to_be_there(kind, database, run_cli, tmp_path, scratches):
    role = f"bound_{database.name}"
    database.rows(f"create role {role}")
    try:
        for statement in BOUND[kind]:
            database.rows(statement.format(role))
        name = run_cli("backup", "create", database=database).json["name"]
        there = run_cli("backup", "verify", name, database=database)
        assert there.exit_code == 0, there.stderr
        (tmp_path / "backups" / name / "verified.json").unlink()
    finally:
        database.rows(f"drop owned by {role}")
        database.rows(f"drop role {role}")
    before = scratches()
    for command in (["verify", name], ["restore", name, "--replace", database.name, "--yes", "--without-owners"]):
        found = run_cli("backup", *command, database=database)
        assert found.exit_code == 3, found.stderr
        assert role in found.stderr
        assert "hunter22" not in found.said
    assert Copy(name, tmp_path / "backups").backup.verification is None
    assert set(scratches()) <= set(before)


def test_subscriptions_are_left_out_and_named(database, run_cli, scratches):
    database.rows("create subscription news connection 'dbname=nowhere' publication p with (connect = false)")
    before = scratches()
    try:
        name = run_cli("backup", "create", database=database).json["name"]
        found = run_cli("backup", "verify", name, database=database)
    finally:
        database.rows("alter subscription news set (slot_name = none)")
        database.rows("drop subscription news")
    assert found.exit_code == 0, found.stderr
    assert "Subscriptions are left out: news." in found.stderr
    assert set(scratches()) <= set(before)


def test_what_went_wrong_first_is_not_hidden_by_what_cannot_be_dropped(copy, source, monkeypatch, scratches):
    real, said = scratch_databases._drop, []

    def refuse(server, settings, name):
        real(server, settings, name)
        raise LockHeld("it is in use")

    monkeypatch.setattr(scratch_databases, "_drop", refuse)
    server = scratch_databases.server_of(source.target, copy.settings)
    made = scratch_databases.scratch_database(server, copy.settings, copy.manifest.properties, said.append)
    with pytest.raises(ZeroDivisionError), made:
        raise ZeroDivisionError
    assert "could not be dropped" in said[-1]


def test_what_ended_meanwhile_was_left_by_nobody(copy, source, monkeypatch):
    names, said = iter([["stage1_scratch_0000000e4ded"], []]), []
    monkeypatch.setattr(scratch_databases, "_names", lambda *_: next(names))
    scratch_databases.drop_abandoned(scratch_databases.server_of(source.target, copy.settings), copy.settings, said.append)
    assert said == []


def test_a_database_in_use_is_said_in_words(copy, source, server_url):
    name = "stage1_scratch_00000000105e"
    server = Database(server_url, "postgres")
    server.rows(f"create database {name} template template0")
    inside, said = Database(conninfo.make_conninfo(server_url, dbname=name), name), []
    try:
        inside.rows("create subscription stuck connection 'dbname=nowhere' publication p with (connect = false)")
        scratch_databases.drop_abandoned(scratch_databases.server_of(source.target, copy.settings), copy.settings, said.append)
        assert any(name in line and "could not be dropped: It is in use" in line and "subscription" in line for line in said)
    finally:
        inside.rows("alter subscription stuck set (slot_name = none)")
        inside.rows("drop subscription stuck")
        server.rows(f"drop database {name}")
