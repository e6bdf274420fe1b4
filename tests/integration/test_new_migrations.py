"""A new migration file: applied whole or not at all, silent on stdout, patient with busy tables."""

import pytest

from tests.plugins.fingerprints import fingerprint


@pytest.fixture
def migrate(database, package, run_cli):
    """Migrates the database with the changed package."""

    def run(*arguments, **env):
        return run_cli("migrate", "--without-backup", *arguments, database=database, package=package.path, env=env)

    return run


def test_a_failing_third_statement_leaves_nothing_and_names_file_and_code(database, package, migrate):
    before = fingerprint(database, with_times=True)
    name = package.add_migration("break", "create table public.a (x int);\ninsert into public.a values (1);\nselect nowhere;\n")
    found = migrate()
    assert found.exit_code == 3, found.stderr
    assert f"migrations/{name}.sql" in found.stderr
    assert "(42703)" in found.stderr
    assert 'column "nowhere" does not exist' in found.stderr
    assert found.stdout == ""
    assert "Traceback" not in found.stderr
    assert fingerprint(database, with_times=True) == before


def test_a_violated_constraint_names_file_and_code(package, migrate):
    name = package.add_migration("break", "create table public.a (x int primary key);\ninsert into public.a values (1), (1);\n")
    found = migrate()
    assert found.exit_code == 3
    assert f"migrations/{name}.sql" in found.stderr
    assert "(23505)" in found.stderr


def test_an_own_refusal_of_a_migration_keeps_its_code(package, migrate):
    package.add_migration("refuse", "do $$ begin raise exception using errcode = 'S1M07', message = 'twice'; end $$;\n")
    found = migrate()
    assert found.exit_code == 3
    assert "twice [S1M07]" in found.stderr


def test_migrations_before_a_failing_one_go_with_it(database, package, migrate):
    good = package.add_migration("make_a", "create table public.a (x int);\n")
    bad = package.add_migration("break", "selec 1;\n")
    before = fingerprint(database, with_times=True)
    assert migrate().exit_code == 3
    assert fingerprint(database, with_times=True) == before
    (package.migrations / f"{bad}.sql").write_text("create table public.b (x int);\n")
    from stage1.database.migration_files import seal

    seal(package.migrations, again=frozenset({bad}))
    found = migrate()
    assert [row["migration"] for row in found.json["migrations"]] == [good, bad]


def test_what_a_migration_selects_is_not_printed(package, migrate):
    package.add_migration("look", "select 'not for stdout' as x;\ncreate table public.a ();\n")
    found = migrate("--format", "json")
    assert found.exit_code == 0, found.stderr
    assert found.json["nothing_to_do"] is False
    assert "not for stdout" not in found.said


def test_percent_signs_and_quotes_are_taken_as_they_are(database, package, migrate):
    package.add_migration("odd", "create table public.a as select '100 %s %% ; \\n ''x'' ü'::text as x;\n")
    assert migrate().exit_code == 0
    assert database.value("select x from public.a") == "100 %s %% ; \\n 'x' ü"


def test_a_search_path_of_a_migration_ends_with_it(database, package, migrate):
    package.add_migration("path", "create schema other; set search_path = other; create table here (x int);\n")
    package.add_migration("next", "create table public.there as select current_setting('search_path') as path;\n")
    found = migrate()
    assert found.exit_code == 0, found.stderr
    assert database.value("select path from public.there") in ("", '""')
    assert database.value("select to_regclass('other.here')::text") == "other.here"


def test_a_migration_that_drops_an_object_brings_it_back(database, package, migrate):
    package.add_migration(
        "retype_column",
        "-- Widens.\n-- drops: run_catalog simulation_catalog dataset_hierarchy dataset_lineage\n"
        "alter table public.walkforward_runs alter column prediction_measurement type varchar(500);\n",
    )
    before = {line for line in fingerprint(database) if line.startswith(("CREATE", "GRANT"))}
    found = migrate()
    assert found.exit_code == 0, found.stderr
    assert {line for line in fingerprint(database) if line.startswith(("CREATE", "GRANT"))} == before
    assert {"public.run_catalog", "public.dataset_hierarchy"} <= {row["object"] for row in found.json["objects"]}
    assert migrate().json["nothing_to_do"] is True


def test_without_the_header_postgresql_refuses_and_the_file_is_named(package, migrate):
    name = package.add_migration(
        "retype_column", "alter table public.walkforward_runs alter column prediction_measurement type varchar(500);\n"
    )
    found = migrate()
    assert found.exit_code == 3
    assert name in found.stderr
    assert "(0A000)" in found.stderr


def test_an_index_is_built_concurrently(database, package, migrate):
    name = package.add_migration(
        "index_concurrently",
        "-- Builds.\n-- transactional: false\n"
        "create index concurrently if not exists zz_idx on public.walkforward_runs (status);\n",
    )
    found = migrate()
    assert found.exit_code == 0, found.stderr
    assert [row["migration"] for row in found.json["migrations"]] == [name]
    assert "trying again" not in found.stderr
    assert database.value("select indisvalid from pg_index where indexrelid = 'public.zz_idx'::regclass") is True
    assert migrate().json["nothing_to_do"] is True


def test_an_index_that_was_left_unfinished_is_not_taken_for_done(database, package, migrate, server_url):
    name = package.add_migration(
        "index_concurrently",
        "-- transactional: false\ncreate index concurrently if not exists zz_idx on public.walkforward_runs (status);\n",
    )
    with database.connect(autocommit=False) as holder:
        holder.execute("select * from public.walkforward_runs for update")
        holder.execute("lock table public.walkforward_runs in row exclusive mode")
        found = migrate(STAGE1_LOCK_TIMEOUT="0.1", STAGE1_LOCK_RETRIES="2")
        holder.rollback()
    assert found.exit_code == 3, found.stderr
    assert "public.zz_idx" in found.stderr
    assert "drop index concurrently public.zz_idx" in found.stderr
    assert name not in {row["migration_id"] for row in database.rows("select * from stage1_internal.applied_migrations")}
    database.rows("drop index concurrently public.zz_idx")
    assert migrate().exit_code == 0
    assert database.value("select indisvalid from pg_index where indexrelid = 'public.zz_idx'::regclass") is True


def test_a_non_transactional_migration_that_fails_says_that_its_half_stands_and_is_not_recorded(database, package, migrate):
    name = package.add_migration("half", "-- transactional: false\ncreate table if not exists public.half ();\nselect nowhere;\n")
    found = migrate()
    assert found.exit_code == 3
    assert "what it did before the error stands" in found.stderr
    assert database.value("select count(*) from stage1_internal.applied_migrations where migration_id = %s", name) == 0


def test_a_dependency_that_does_not_exist_is_said(package, migrate):
    package.add_migration("depend", "-- depends: 9999_nowhere\nselect 1;\n")
    found = migrate()
    assert found.exit_code == 3
    assert "depends" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_file_that_ends_its_transaction_is_refused_before_it_runs(database, package, migrate):
    name = package.add_migration("end_it", "create table public.a ();\n", seal=False)
    (package.migrations / f"{name}.sql").write_text("create table public.a ();\ncommit;\nselect nowhere;\n")
    seal = package.migrations / "checksums.txt"
    from stage1.database.migration_files import read_folder

    checksum = next(file.sha256 for file in read_folder(package.migrations) if file.id == name)
    seal.write_text(seal.read_text() + f"{checksum}  {name}.sql\n")
    found = migrate()
    assert found.exit_code == 3
    assert name in found.stderr
    assert database.value("select to_regclass('public.a') is null") is True


# --- busy tables -------------------------------------------------------------------------------------------


def test_a_busy_table_is_waited_for(database, package, start_cli):
    package.add_migration("add_column", "alter table public.walkforward_runs add column zz integer;\n")
    with database.connect(autocommit=False) as holder:
        holder.execute("lock table public.walkforward_runs in access exclusive mode")
        env = {"STAGE1_LOCK_TIMEOUT": "0.1", "STAGE1_LOCK_RETRIES": "50"}
        process = start_cli("migrate", "--without-backup", database=database, env=env, package=package.path)
        said = []
        assert process.stderr
        for line in process.stderr:
            said.append(line)
            if "trying again" in line:
                break
        assert "add_column: a table is in use; trying again" in said[-1]
        holder.rollback()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert database.value("select count(zz) from public.walkforward_runs") == 0
    assert "add_column" in out


def test_a_table_that_stays_busy_ends_the_run_with_a_sentence(database, package, migrate):
    name = package.add_migration("add_column", "alter table public.walkforward_runs add column zz integer;\n")
    before = fingerprint(database, with_times=True)
    with database.connect(autocommit=False) as holder:
        holder.execute("lock table public.walkforward_runs in access exclusive mode")
        found = migrate(STAGE1_LOCK_TIMEOUT="0.1", STAGE1_LOCK_RETRIES="1")
        holder.rollback()
    assert found.exit_code == 4
    assert f"{name} could not get a table lock in 2 tries; nothing of it was applied." in found.stderr
    assert fingerprint(database, with_times=True) == before


@pytest.mark.parametrize("what", ["view", "grants"])
def test_a_busy_object_of_the_deploy_or_of_the_roles_is_waited_for_too(database, package, migrate, what):
    if what == "view":
        package.write(
            "views/zz_late.sql", "-- New.\ncreate or replace view public.zz_late as select status from public.walkforward_runs;\n"
        )
        lock = "lock table public.walkforward_runs in access exclusive mode"
    else:
        database.rows(
            "revoke select on public.walkforward_runs from stage1_app; alter table public.walkforward_runs owner to current_user"
        )
        lock = "lock table public.walkforward_runs in access exclusive mode"
    with database.connect(autocommit=False) as holder:
        holder.execute(lock)
        found = migrate(STAGE1_LOCK_TIMEOUT="0.1", STAGE1_LOCK_RETRIES="1")
        holder.rollback()
    assert found.exit_code == 4, found.stderr
    assert "could not get a table lock in 2 tries" in found.stderr
    assert migrate().exit_code == 0
    assert migrate().json["nothing_to_do"] is True


# --- the spool ---------------------------------------------------------------------------------------------


def test_pending_inserts_are_reported_on_a_first_adoption(old_deployment, run_cli, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "pending_postgres_inserts.sql").write_text("insert into indicator_datasets values (1);\n")
    (spool / "empty.sql").write_text("\n \n")
    found = run_cli("migrate", "--without-backup", database=old_deployment, env={"STAGE1_SPOOL": str(spool)})
    assert found.exit_code == 0, found.stderr
    assert "pending_postgres_inserts.sql" in found.json["remarks"][0]
    assert "empty.sql" not in found.json["remarks"][0]
    assert "stay valid" in found.stderr


def test_pending_inserts_are_refused_where_they_can_be_replayed(database, package, migrate, tmp_path):
    package.add_migration("make_a", "create table public.a ();\n")
    append_file = tmp_path / "pending.sql"
    append_file.write_text("insert …")
    before = fingerprint(database, with_times=True)
    found = migrate(STAGE1_SPOOL=str(append_file))
    assert found.exit_code == 3
    assert "[S1M09]" in found.stderr
    assert str(append_file) in found.stderr
    assert "stage1 replay run" in found.stderr
    assert fingerprint(database, with_times=True) == before
    append_file.write_text("")
    assert migrate(STAGE1_SPOOL=str(append_file)).exit_code == 0


def test_pending_inserts_do_not_matter_where_nothing_is_to_do(database, run_cli, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "a.sql").write_text("insert …")
    found = run_cli("migrate", database=database, env={"STAGE1_SPOOL": str(spool)})
    assert (found.exit_code, found.json["nothing_to_do"]) == (0, True)
    assert "a.sql" in run_cli("status", database=database, env={"STAGE1_SPOOL": str(spool)}).stdout
