"""A run of migrate is done whole or not at all, takes nothing that is somebody else's, and leaves no trace in its sessions."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from stage1 import settings as settings_module
from stage1.database import objects
from stage1.errors import LockHeld
from stage1.operations import backup, catalog, status
from tests.plugins.databases import Database, run_migrate
from tests.plugins.fingerprints import fingerprint

SETTINGS = settings_module.load(environment={})


@pytest.fixture
def left_in_sessions(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What each session was left with when it was closed: behind a pooler, the next client gets it."""
    found: dict[str, list[Any]] = {}
    close = psycopg.Connection.close

    def look_and_close(connection: psycopg.Connection) -> None:
        if not connection.closed and (connection.info.parameter_status("application_name") or "").startswith("stage1 "):
            connection.rollback()
            rows = connection.execute("select name, setting from pg_catalog.pg_settings where source = 'session' order by name")
            found[str(connection.info.backend_pid)] = rows.fetchall()
        close(connection)

    monkeypatch.setattr(psycopg.Connection, "close", look_and_close)
    return found


@pytest.mark.parametrize(
    "work",
    [
        lambda database: status.status(database.target, SETTINGS),
        lambda database: catalog.list_datasets(database.target, SETTINGS, 5, 0),
        lambda database: catalog.upsert_dataset(database.target, SETTINGS, catalog.Triplet("a", "b", "c")),
        lambda database: run_migrate(database),
    ],
    ids=["status", "list", "upsert", "migrate"],
)
def test_a_session_is_left_as_it_was_found(
    database: Database, left_in_sessions: dict[str, list[Any]], work: Callable[[Database], Any]
) -> None:
    work(database)
    assert left_in_sessions
    assert not any(left_in_sessions.values()), left_in_sessions


def test_a_first_migration_leaves_its_sessions_as_it_found_them(
    empty_database: Database, left_in_sessions: dict[str, list[Any]]
) -> None:
    run_migrate(empty_database)
    assert len(left_in_sessions) >= 2
    assert not any(left_in_sessions.values()), left_in_sessions


def test_nothing_is_committed_once_the_lock_is_lost(empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy = objects.deploy

    def lose_the_lock(connection: Any) -> Any:
        empty_database.rows(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'stage1 lock' and datname = current_database()"
        )
        return deploy(connection)

    monkeypatch.setattr(objects, "deploy", lose_the_lock)
    with pytest.raises(LockHeld, match="has ended"):
        run_migrate(empty_database)
    assert empty_database.value(
        "select to_regnamespace('stage1_internal') is null and to_regclass('public.stage1_datasets') is null"
    )
    monkeypatch.undo()
    assert len(run_migrate(empty_database).applied) > 0


def test_a_refusal_at_the_end_leaves_an_old_deployment_to_its_clients(old_deployment: Database, run_cli: Any) -> None:
    old_deployment.rows("create view public.run_catalog as select 1 as theirs")
    before = fingerprint(old_deployment, with_times=True)
    found = run_cli("migrate", database=old_deployment)
    assert found.exit_code == 3
    assert "public.run_catalog exists already, and stage1 did not make it" in found.stderr
    assert "[S1M08]" in found.stderr
    assert fingerprint(old_deployment, with_times=True) == before


def test_a_function_of_somebody_else_is_not_taken_over(empty_database: Database, run_cli: Any) -> None:
    empty_database.rows("create function public.check_page(text) returns text language sql as 'select $1'")
    found = run_cli("migrate", database=empty_database)
    assert (found.exit_code, "check_page(text) exists already" in found.stderr) == (3, True)
    assert empty_database.value("select public.check_page('x')") == "x"


def test_a_schema_of_somebody_else_is_not_taken_over(empty_database: Database, run_cli: Any) -> None:
    empty_database.rows("create schema stage1_internal")
    empty_database.rows("create table stage1_internal.applied_migrations (theirs integer)")
    before = fingerprint(empty_database, with_times=True)
    for arguments in (("migrate",), ("migrate", "--plan")):
        found = run_cli(*arguments, database=empty_database)
        assert (found.exit_code, "is not ours: it holds applied_migrations" in found.stderr) == (3, True), found.stderr
    assert fingerprint(empty_database, with_times=True) == before


def test_an_older_stage1_does_not_undo_what_a_newer_one_deployed(database: Database, run_cli: Any) -> None:
    database.rows("update stage1_internal.deployed_objects set tool_version = '99.1' where object_name = 'public.fn_list_runs'")
    for arguments in (("migrate",), ("migrate", "--plan")):
        found = run_cli(*arguments, database=database)
        assert (found.exit_code, "deployed by stage1 99.1" in found.stderr, "[S1M03]" in found.stderr) == (3, True, True)
    found = run_cli("status", "--format", "table", database=database)
    assert found.exit_code == 1
    assert "99.1" in found.stdout


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding_is_migrated(server_url: str, encoding: str) -> None:
    name = f"stage1_test_{encoding.lower()}"
    database = Database(conninfo.make_conninfo(server_url, dbname=name), name)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"drop database if exists {name} with (force)")
        server.execute(f"create database {name} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'")
        try:
            assert run_migrate(database).applied
            assert run_migrate(database).nothing_to_do
        finally:
            server.execute(f"drop database if exists {name} with (force)")


def test_what_was_replaced_is_named(old_deployment: Database) -> None:
    report = run_migrate(old_deployment)
    names = {row["object_name"] for row in report.replaced}
    assert {"public.dataset_hierarchy", "public.fn_list_runs"} <= names
    assert run_migrate(old_deployment).replaced == []


def test_a_backup_leaves_its_session_as_it_was_found(
    database: Database, left_in_sessions: dict[str, list[Any]], tmp_path: Any
) -> None:
    settings = settings_module.load(environment={"STAGE1_BACKUP_DIR": str(tmp_path)})
    backup.create(database.target, settings, lambda _: None)
    assert left_in_sessions
    assert not any(left_in_sessions.values()), left_in_sessions
