"""A backup exists whole and sealed, or not at all; and it can be restored."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from psycopg import conninfo, sql

from stage1 import clock
from stage1 import settings as settings_module
from stage1.database import backup_folder
from stage1.operations import backup
from tests.integration.backups.dumped import contents, dump_of, entries, restore, run_program
from tests.plugins.databases import Database
from tests.plugins.fingerprints import fingerprint


def test_a_backup_is_sealed_private_and_listed(database, run_cli, tmp_path):
    made = run_cli("backup", "create", database=database)
    assert made.exit_code == 0, made.stderr
    path = Path(made.json["path"])
    assert path.parent == tmp_path / "backups"
    assert entries(path.parent) == [path.name]
    assert entries(path) == ["database.dump.zst", "manifest.json", "roles.sql"]
    assert [item.stat().st_mode & 0o777 for item in (path, *sorted(path.iterdir()))] == [0o700, 0o600, 0o600, 0o600]
    for file in json.loads((path / "manifest.json").read_text())["files"]:
        subprocess.run(
            ["sha256sum", "--check", "--quiet"], cwd=path, check=True, input=f"{file['sha256']}  {file['name']}\n".encode()
        )
    (row,) = run_cli("backup", "list").json
    assert (row["name"], row["database"], row["verified"]) == (path.name, database.name, "no")
    assert (row["bytes"], row["rows"]) == (made.json["bytes"], made.json["rows"])
    head = max(row["migration_id"] for row in database.rows("select * from stage1_internal.applied_migrations"))[:4]
    assert path.name.endswith(f"-{head}")
    assert "create role stage1_owner" in (path / "roles.sql").read_text().lower()
    (record,) = database.rows("select * from stage1_internal.backup_records")
    assert (record["name"], record["byte_count"], record["verified_at"]) == (path.name, row["bytes"], None)


def test_the_manifest_says_what_was_dumped(database, run_cli):
    database.rows(f"alter database {database.name} set work_mem = '5MB'")
    database.rows(f"grant connect on database {database.name} to stage1_readonly")
    database.rows(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
        " values (gen_random_uuid(), 'a', 'o', 'i'), (gen_random_uuid(), 'b', 'o', 'i')"
    )
    path = Path(run_cli("backup", "create", database=database).json["path"])
    backup_folder.check_files(backup_folder.named(settings_module.load({"STAGE1_BACKUP_DIR": str(path.parent)}), path.name))
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["database"] == database.name
    assert {row["name"]: row["sha256"] for row in manifest["migrations"]} == {
        row["migration_id"]: row["sha256"] for row in database.rows("select * from stage1_internal.applied_migrations")
    }
    assert {"role": "", "name": "work_mem", "value": "5MB"} in manifest["properties"]["settings"]
    assert {"grantee": "stage1_readonly", "privilege": "CONNECT", "grantable": False} in manifest["properties"]["grants"]
    rows = {table["name"]: table["rows"] for table in manifest["tables"]}
    assert rows["public.stage1_datasets"] == 2
    assert rows["stage1_internal.applied_migrations"] == len(manifest["migrations"])
    assert "public.market_bars_ohlcv_1m" not in rows  # its partitions are counted
    assert manifest["objects"]["tables"] >= len(rows)
    assert manifest["objects"]["functions"] == database.value(
        "select count(*) from pg_proc where pronamespace in ('public'::regnamespace, 'stage1_internal'::regnamespace)"
    )
    assert [row["name"] for row in manifest["extensions"]] == ["plpgsql"]


def test_the_manifest_says_what_only_the_server_knows(database, run_cli):
    database.rows(f"alter database {database.name} connection limit 77; comment on database {database.name} is 'it''s'")
    manifest = json.loads((Path(run_cli("backup", "create", database=database).json["path"]) / "manifest.json").read_text())
    assert manifest["system_identifier"] == database.value("select system_identifier::text from pg_control_system()")
    properties = manifest["properties"]
    assert [properties[name] for name in ("connection_limit", "comment", "tablespace")] == [77, "it's", "pg_default"]


def test_what_hangs_on_an_extension_s_table_is_not_counted(empty_database, new_database, tmp_path):
    empty_database.rows(
        "create table public.t (id int primary key);"
        "create table public.of_it (id int primary key, t_id int references public.t, check (id > 0));"
        "create index on public.of_it (t_id); create domain public.d as int check (value > 0);"
        "alter extension plpgsql add table public.of_it; alter extension plpgsql add domain public.d"
    )
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(tmp_path / "backups")})
    made = backup.create(empty_database.target, settings, lambda _: None)
    restored = new_database()
    restore(made.path, restored)
    again = backup.create(restored.target, settings, lambda _: None)
    assert made.manifest.objects == again.manifest.objects
    assert [made.manifest.objects[kind] for kind in ("tables", "indexes", "constraints")] == [1, 1, 1]


def test_a_backup_can_be_restored(old_deployment, new_database, run_cli):
    run_cli("migrate", "--without-backup", database=old_deployment)
    path = Path(run_cli("backup", "create", database=old_deployment).json["path"])
    restored = new_database()
    restore(path, restored)
    kept = {row["name"]: row for row in json.loads((path / "manifest.json").read_text())["tables"]}
    found = {table.name: vars(table) for table in contents(restored)}
    assert found == kept
    # The record of a backup comes after it.
    old_deployment.rows("delete from stage1_internal.backup_records")
    assert fingerprint(restored, with_times=True) == fingerprint(old_deployment, with_times=True)
    assert run_cli("migrate", database=restored).json["nothing_to_do"] is True


def test_the_backup_before_an_adoption_can_be_restored(old_deployment, new_database, run_cli):
    before = fingerprint(old_deployment, with_times=True)
    path = run_cli("migrate", database=old_deployment).json["backup"]
    restored = new_database()
    restore(Path(path), restored)
    assert fingerprint(restored, with_times=True) == before
    assert path.endswith("-none")


def test_an_empty_database_is_not_backed_up(empty_database, run_cli, tmp_path):
    assert run_cli("migrate", database=empty_database).json["backup"] is None
    assert entries(tmp_path / "backups") == []


@pytest.mark.parametrize("empty", ["create table public.t ()", "create table public.t (x int); analyze public.t"])
def test_empty_tables_are_no_data(empty_database, run_cli, empty):
    empty_database.rows(empty)
    assert run_cli("migrate", database=empty_database).json["backup"] is None


def test_data_of_others_is_backed_up_too(empty_database, run_cli):
    empty_database.rows('create schema "Odd ""Name"; create table "Odd ""Name"."T%" as select 1')
    path = Path(run_cli("migrate", database=empty_database).json["backup"])
    (table,) = json.loads((path / "manifest.json").read_text())["tables"]
    assert (table["name"], table["rows"]) == ('"Odd ""Name"."T%"', 1)


def test_without_backup_means_it(old_deployment, run_cli, tmp_path):
    assert run_cli("migrate", "--without-backup", database=old_deployment).json["backup"] is None
    assert entries(tmp_path / "backups") == []


def test_a_long_dump_does_not_end_the_sessions_beside_it(old_deployment, run_cli, wrapped_programs):
    for limit in ("idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout"):
        old_deployment.rows(f"alter database {old_deployment.name} set {limit} = '300ms'")
    wrapped_programs.replace("pg_dump", 'sleep 1; exec "$real" "$@"')
    found = run_cli("migrate", database=old_deployment, env=wrapped_programs.env)
    assert found.exit_code == 0, found.stderr


def test_no_secret_is_in_the_arguments_of_a_child(database, run_cli, wrapped_programs):
    named = database.url + " password=hunter22 keepalives=1"
    assert run_cli("--database", named, "backup", "create", env=wrapped_programs.env).exit_code == 0
    assert run_cli("--database", named, "psql", "-c", "select 1", env=wrapped_programs.env).exit_code == 0
    for program in ("pg_dump --format=custom", "pg_dumpall --globals-only", "psql --dbname", "keepalives=1"):
        assert program in wrapped_programs.calls
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
        path = Path(made.json["path"])
        assert "stage1_datasets" in run_program("pg_restore", database, "--list", stdin=dump_of(path))
        assert (path / "roles.sql").exists(), made.stderr
        shown = run_cli("--database", target, "psql", "-AXtc", "select current_database()", env=env)
        assert shown.stdout.strip() == database.name
    by_environment = run_cli(
        "--database", f"dbname={database.name}", "psql", "-AXtc", "select current_database()", env={**env, "PGSERVICE": "s"}
    )
    assert by_environment.stdout.strip() == database.name


def test_an_address_in_the_environment_does_not_bend_a_named_host(database, run_cli, wrapped_programs):
    env = {"PGHOSTADDR": "192.0.2.1", "STAGE1_CONNECT_TIMEOUT": "2", **wrapped_programs.env}
    assert run_cli("backup", "create", database=database, env=env).exit_code == 0


@pytest.mark.parametrize("name", ["odd name;$(x)'\"/..%", "-dash", "ünï/日経", "dbname=x host=y", ".removed-x"])
def test_a_database_with_an_odd_name(server_url, database, run_cli, tmp_path, name):
    url = conninfo.make_conninfo(server_url, dbname=name)
    with Database(server_url, "postgres").connect() as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            odd = Database(url, name)
            odd.rows("create table public.t as select 1 as x")
            assert run_cli("migrate", database=odd).exit_code == 0
            made = run_cli("backup", "create", database=odd).json
            path = Path(made["path"])
            assert path.parent == tmp_path / "backups"
            assert made["database"] == json.loads((path / "manifest.json").read_text())["database"] == name
            assert (path / "roles.sql").exists()
            listed = run_cli("backup", "list", "--of", name).json
            assert [row["database"] for row in listed] == [name, name]
            state = {line["area"]: line for line in run_cli("status", database=odd).json["lines"]}
            assert (state["backup"]["state"], state["backup"]["detail"].split(" ")[0]) == ("note", path.name)
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_names_that_look_alike_are_not_mixed_up():
    assert backup_folder.file_name_of("a b") != backup_folder.file_name_of("a_b")


def test_two_backups_in_one_second_are_two(database, tmp_path, monkeypatch):
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(tmp_path / "backups")})
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda _: backup.create(database.target, settings, lambda _: None), range(3)))
    assert len({one.path for one in made}) == 3
    for one in made:
        backup_folder.check_files(one)
    assert backup.listed(settings) == sorted(made, key=lambda one: one.name, reverse=True)
    assert len(entries(tmp_path / "backups")) == 3


def test_tables_may_come_and_go_meanwhile(database, new_database, tmp_path):
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(tmp_path / "backups")})
    busy = True

    def come_and_go() -> int:
        rounds = 0
        with database.connect() as connection:
            while busy:
                connection.execute("create table public.passing as select 1 as x")
                connection.execute("drop table public.passing")
                rounds += 1
        return rounds

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(come_and_go)
        try:
            made = [backup.create(database.target, settings, lambda _: None) for _ in range(2)]
        finally:
            busy = False
        assert coming.result(timeout=30) > 0
    for one in made:
        restored = new_database()
        restore(one.path, restored)
        assert contents(restored) == one.manifest.tables


def test_a_backup_under_load_is_one_state(empty_database, new_database, tmp_path):
    empty_database.rows(
        "create table parent (id bigint primary key, note text);"
        "create table child (parent_id bigint references parent, at timestamptz default now());"
        "insert into parent select n, repeat('x', 100) from generate_series(1, 50000) as n;"
        "insert into child (parent_id) select n from generate_series(1, 50000) as n"
    )
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(tmp_path / "backups")})
    busy = True

    def write(place: int) -> int:
        number = place * 10_000_000
        with empty_database.connect() as connection:
            while busy:
                number += 1
                with connection.transaction():
                    connection.execute("insert into parent values (%s, 'new')", [number])
                    connection.execute("insert into child (parent_id) values (%s)", [number])
        return number % 10_000_000

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, place) for place in (1, 2)]
        try:
            made = backup.create(empty_database.target, settings, lambda _: None)
        finally:
            busy = False
        written = sum(writer.result(timeout=30) for writer in writers)
    restored = new_database()
    restore(made.path, restored)
    assert contents(restored) == made.manifest.tables
    child, parent = (table.rows for table in made.manifest.tables)
    assert child == parent
    assert 50000 <= parent < 50000 + written
