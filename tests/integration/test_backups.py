"""A backup exists whole and sealed, or not at all; and it can be restored."""

import hashlib
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from psycopg import conninfo, sql

from stage1 import settings as settings_module
from stage1.database import binaries, dumps
from stage1.operations import backup
from tests.plugins.databases import Database
from tests.plugins.fingerprints import fingerprint


def files(tmp_path):
    folder = tmp_path / "backups"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def run_program(name, database, *arguments):
    major = int(database.value("show server_version_num")) // 10000
    program = binaries.find(settings_module.load({}), major, (name,)).path(name)
    return subprocess.run([str(program), *arguments], check=True, capture_output=True, text=True)


def test_a_backup_is_sealed_private_and_listed(database, run_cli, tmp_path):
    made = run_cli("backup", "create", database=database)
    assert made.exit_code == 0, made.stderr
    path = Path(made.json["path"])
    assert made.json["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.with_name(path.name + ".sha256").read_text() == f"{made.json['sha256']}  {path.name}\n"
    subprocess.run(["sha256sum", "--check", "--quiet", path.name + ".sha256"], cwd=path.parent, check=True)
    assert path.stat().st_mode & 0o077 == 0
    assert files(tmp_path) == [path.name, path.name + ".sha256"]
    listed = run_cli("backup", "list").json
    assert [row["sha256"] for row in listed] == [made.json["sha256"]]
    head = max(row["migration_id"] for row in database.rows("select * from stage1_internal.applied_migrations"))[:4]
    assert path.name.endswith(f"-{head}.dump")
    backups = [line for line in run_cli("status", database=database).json["lines"] if line["area"] == "backup"]
    assert backups[0]["state"] == "ok"


def test_a_backup_can_be_restored(old_deployment, new_database, run_cli):
    run_cli("migrate", "--without-backup", database=old_deployment)
    made = run_cli("backup", "create", database=old_deployment).json
    restored = new_database()
    run_program("pg_restore", restored, "--exit-on-error", f"--dbname={restored.url}", made["path"])
    assert fingerprint(restored, with_times=True) == fingerprint(old_deployment, with_times=True)
    assert run_cli("migrate", database=restored).json["nothing_to_do"] is True


def test_the_backup_before_an_adoption_can_be_restored(old_deployment, new_database, run_cli):
    before = fingerprint(old_deployment, with_times=True)
    path = run_cli("migrate", database=old_deployment).json["backup"]
    restored = new_database()
    run_program("pg_restore", restored, "--exit-on-error", f"--dbname={restored.url}", path)
    assert fingerprint(restored, with_times=True) == before
    assert path.endswith("-none.dump")


def test_an_empty_database_is_not_backed_up(empty_database, run_cli, tmp_path):
    assert run_cli("migrate", database=empty_database).json["backup"] is None
    assert files(tmp_path) == []


@pytest.mark.parametrize("empty", ["create table public.t ()", "create table public.t (x int); analyze public.t"])
def test_empty_tables_are_no_data(empty_database, run_cli, tmp_path, empty):
    empty_database.rows(empty)
    assert run_cli("migrate", database=empty_database).json["backup"] is None


def test_data_of_others_is_backed_up_too(empty_database, run_cli):
    empty_database.rows('create schema "Odd ""Name"; create table "Odd ""Name"."T" as select 1')
    assert run_cli("migrate", database=empty_database).json["backup"]


def test_without_backup_means_it(old_deployment, run_cli, tmp_path):
    assert run_cli("migrate", "--without-backup", database=old_deployment).json["backup"] is None
    assert files(tmp_path) == []


FAILURES = {
    "ends with an error": ('echo half > "$file"; echo "pg_dump: error: it broke" >&2; exit 1', "it broke", "exit code 1"),
    "is killed": ('echo half > "$file"; kill -9 $$', "nothing was kept", "exit code -9"),
    "has no space": (
        'echo half > "$file"; echo "No space left on device" >&2; exit 1',
        "disk is full|nothing was kept",
        "No space",
    ),
    "says odd bytes": ("printf '\\377\\376' >&2; exit 1", "nothing was kept", "exit code 1"),
    "shows a password": ("echo 'connection to postgresql://u:hunter22@h/db failed' >&2; exit 1", r"u:\*\*\*@h", "exit code 1"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_pg_dump_that_fails_leaves_nothing_and_changes_nothing(old_deployment, run_cli, tmp_path, wrapped_programs, failure):
    script, message, reason = FAILURES[failure]
    wrapped_programs.replace("pg_dump", script)
    before = fingerprint(old_deployment, with_times=True)
    for command in (["backup", "create"], ["migrate"]):
        found = run_cli(*command, database=old_deployment, env=wrapped_programs.env)
        assert found.exit_code == 4, found.stderr
        assert reason in found.stderr
        assert any(part in found.stderr for part in message.replace("\\", "").split("|"))
        assert "hunter22" not in found.said
        assert "Traceback" not in found.stderr
        assert found.stdout == ""
    assert files(tmp_path) == []
    assert fingerprint(old_deployment, with_times=True) == before


def test_a_long_dump_does_not_end_the_migration_s_own_sessions(old_deployment, run_cli, wrapped_programs):
    for limit in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
        old_deployment.rows(f"alter database {old_deployment.name} set {limit} = '200ms'")
    wrapped_programs.replace("pg_dump", 'sleep 1; exec "$real" "$@"')
    found = run_cli("migrate", database=old_deployment, env=wrapped_programs.env)
    assert found.exit_code == 0, found.stderr


def test_no_secret_is_in_the_arguments_of_a_child(database, run_cli, wrapped_programs):
    named = database.url + " password=hunter22 keepalives=1"
    assert run_cli("--database", named, "backup", "create", env=wrapped_programs.env).exit_code == 0
    assert run_cli("--database", named, "psql", "-c", "select 1", env=wrapped_programs.env).exit_code == 0
    assert "pg_dump --format=custom" in wrapped_programs.calls
    assert "psql --dbname" in wrapped_programs.calls
    assert "keepalives=1" in wrapped_programs.calls
    assert "hunter22" not in wrapped_programs.calls


def test_a_service_and_a_name_reach_the_same_database_in_the_child(database, new_database, run_cli, tmp_path, wrapped_programs):
    other = new_database()
    parts = conninfo.conninfo_to_dict(other.url)
    service = tmp_path / "services"
    service.write_text("[s]\n" + "".join(f"{key}={value}\n" for key, value in parts.items()))
    env = {"PGSERVICEFILE": str(service), **wrapped_programs.env}
    for target in (f"service=s dbname={database.name}", f"postgresql:///{database.name}?service=s"):
        made = run_cli("--database", target, "backup", "create", env=env)
        assert made.exit_code == 0, made.stderr
        assert made.json["database"] == database.name
        assert "stage1_datasets" in run_program("pg_restore", database, "--list", made.json["path"]).stdout
        shown = run_cli("--database", target, "psql", "-AXtc", "select current_database()", env=env)
        assert shown.stdout.strip() == database.name
    by_environment = run_cli(
        "--database", f"dbname={database.name}", "psql", "-AXtc", "select current_database()", env={**env, "PGSERVICE": "s"}
    )
    assert by_environment.stdout.strip() == database.name


def test_an_address_in_the_environment_does_not_bend_a_named_host(database, run_cli, wrapped_programs):
    env = {"PGHOSTADDR": "192.0.2.1", "STAGE1_CONNECT_TIMEOUT": "2", **wrapped_programs.env}
    assert run_cli("backup", "create", database=database, env=env).exit_code == 0


@pytest.mark.parametrize("name", ["odd name;$(x)'\"/..%", "-dash", "ünï/日経", "a_b", "a b"])
def test_a_database_with_an_odd_name(server_url, database, run_cli, tmp_path, name):
    url = conninfo.make_conninfo(server_url, dbname=name)
    with Database(server_url, "postgres").connect() as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            odd = Database(url, name)
            odd.rows("create table public.t as select 1 as x")
            assert run_cli("migrate", database=odd).exit_code == 0
            made = run_cli("backup", "create", database=odd).json
            assert Path(made["path"]).parent == tmp_path / "backups"
            assert made["database"] == name
            listed = run_cli("backup", "list").json
            assert [row["database"] for row in listed] == [name, name]
            state = {line["area"]: line for line in run_cli("status", database=odd).json["lines"]}
            assert state["backup"]["state"] == "ok"
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_names_that_look_alike_are_not_mixed_up():
    assert dumps.file_name_of("a b") != dumps.file_name_of("a_b")


def test_two_backups_in_one_second_are_two(database, tmp_path, monkeypatch):
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(tmp_path / "backups")})
    moment = dumps.clock.now()
    monkeypatch.setattr(dumps.clock, "now", lambda: moment)
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda _: backup.create(database.target, settings, lambda _: None), range(4)))
    assert len({one.path for one in made}) == 4
    for one in made:
        assert hashlib.sha256(one.path.read_bytes()).hexdigest() == one.sha256
    assert {one.name for one in backup.listed(settings)} == {one.name for one in made}
    assert len(files(tmp_path)) == 8


def test_what_a_killed_run_left_is_removed_by_the_next_and_never_listed(database, start_cli, run_cli, tmp_path):
    for point in ("before the backup is sealed", "before the backup is renamed"):
        killed = start_cli("backup", "create", database=database, env={"STAGE1_KILL_AT": point})
        killed.communicate(timeout=60)
        assert killed.returncode == -9
        assert [name for name in files(tmp_path) if name.endswith(".part")]
        assert run_cli("backup", "list").json == []
    made = run_cli("backup", "create", database=database)
    assert made.exit_code == 0
    assert [name for name in files(tmp_path) if name.endswith(".part")] == []
    assert [row["name"] for row in run_cli("backup", "list").json] == [made.json["name"]]


def test_strange_files_in_the_folder_are_no_backups(database, run_cli, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    digest = "0" * 64
    for name, seal in {
        "x-20230101T000000Z-0001.dump": "",
        "x-20230101T000001Z-0001.dump": "no checksum",
        "x-99999999T999999Z-0001.dump": f"{digest}  x\n",
        "unsealed-20230101T000000Z-0001.dump": None,
        "other.dump": f"{digest}  x\n",
    }.items():
        (folder / name).write_text("x")
        if seal is not None:
            (folder / f"{name}.sha256").write_text(seal)
    (folder / "folder-20230101T000000Z-0001.dump").mkdir()
    assert run_cli("backup", "list").json == []
    assert run_cli("status", database=database).exit_code == 0


@pytest.mark.parametrize("kind", ["a file", "below a file"])
def test_a_folder_that_cannot_be_written_is_said(old_deployment, run_cli, tmp_path, kind):
    (tmp_path / "file").write_text("x")
    folder = tmp_path / "file" if kind == "a file" else tmp_path / "file" / "backups"
    before = fingerprint(old_deployment, with_times=True)
    found = run_cli("migrate", database=old_deployment, env={"STAGE1_BACKUP_DIR": str(folder)})
    assert found.exit_code == 4, found.stderr
    assert "STAGE1_BACKUP_DIR" in found.stderr
    assert "Traceback" not in found.stderr
    assert fingerprint(old_deployment, with_times=True) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_said(database, run_cli, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    found = run_cli("backup", "create", database=database, env={"STAGE1_BACKUP_DIR": str(tmp_path / "locked")})
    assert found.exit_code == 4
    assert "cannot be written" in found.stderr


def test_a_full_disk_is_said_and_nothing_is_kept(database, run_cli, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", str(small)], capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        found = run_cli("backup", "create", database=database, env={"STAGE1_BACKUP_DIR": str(small)})
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert found.exit_code == 4, found.stderr
    assert "disk" in found.stderr or "No space" in found.stderr
    assert "Traceback" not in found.stderr


def test_no_backup_is_taken_of_the_embedded_server_unless_it_is_meant(run_cli, tmp_path):
    (tmp_path / ".stage1").mkdir()
    found = run_cli("backup", "create")
    assert found.exit_code == 4
    assert "--embedded" in found.stderr
    assert files(tmp_path) == []
    assert list((tmp_path / ".stage1").iterdir()) == []


def test_a_stopped_backup_leaves_no_partial_file(database, start_cli, tmp_path, wrapped_programs):
    wrapped_programs.replace("pg_dump", 'echo half > "$file"; exec sleep 30')
    process = start_cli("backup", "create", database=database, env=wrapped_programs.env)
    deadline = time.monotonic() + 30
    while "pg_dump --format" not in wrapped_programs.calls:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 5, said
    assert "interrupted" in said
    assert files(tmp_path) == []
