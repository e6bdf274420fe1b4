"""Files and database that differ: `status` names it, `migrate` refuses it or repairs it."""

import pytest

from tests.plugins.fingerprints import fingerprint


@pytest.fixture
def both(database, package, run_cli):
    """Runs status and migrate of the changed package; migrate must not change the database."""

    def run(sqlstate, *named):
        before = fingerprint(database, with_times=True)
        status = run_cli("status", "--format", "json", database=database, package=package.path)
        assert status.exit_code == 1, status.stderr
        lines = " ".join(line["detail"] for line in status.json["lines"] if line["state"] == "not well")
        planned = run_cli("migrate", "--plan", database=database, package=package.path)
        migrated = run_cli("migrate", database=database, package=package.path)
        for refused in (planned, migrated):
            assert refused.exit_code == 3
            assert f"[{sqlstate}]" in refused.stderr
            assert refused.stdout == ""
        for name in named:
            assert name in lines
            assert name in migrated.stderr
        assert fingerprint(database, with_times=True) == before

    return run


def test_an_edited_applied_migration(package, both):
    file = package.migrations / "0002_index_catalog_tables.sql"
    file.write_text(file.read_text() + "\n-- edited\n")
    both("S1M01", "0002_index_catalog_tables")


def test_an_edited_applied_migration_that_was_sealed_again(package, both):
    from stage1.database.migration_files import seal

    file = package.migrations / "0002_index_catalog_tables.sql"
    file.write_text(file.read_text() + "\n-- edited\n")
    seal(package.migrations, again=frozenset({file.stem}))
    both("S1M01", "0002_index_catalog_tables")


def test_other_line_ends_are_no_edit(package, database, run_cli):
    for file in package.migrations.glob("*.sql"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    for file in package.sql.rglob("*.sql"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert run_cli("migrate", database=database, package=package.path).json["nothing_to_do"] is True


def test_files_with_other_line_ends_migrate(package, empty_database, run_cli):
    for file in [*package.migrations.glob("*.sql"), *package.sql.rglob("*.sql")]:
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert run_cli("migrate", database=empty_database, package=package.path).exit_code == 0
    assert run_cli("migrate", database=empty_database).json["nothing_to_do"] is True
    assert run_cli("status", database=empty_database).exit_code == 0


def test_a_deleted_applied_migration(package, both):
    (package.migrations / "0002_index_catalog_tables.sql").unlink()
    both("S1M02", "0002_index_catalog_tables")


def test_a_newer_database(package, database, run_cli, both):
    newest = package.newest
    (package.migrations / f"{newest}.sql").unlink()
    both("S1M03", newest)


def test_a_pending_migration_of_a_lower_number(package, both):
    (package.migrations / "0002_zz_late.sql").write_text("create table public.late ();\n")
    both("S1M04", "0002_zz_late")


def test_a_pending_migration_that_is_not_sealed(package, both):
    name = package.add_migration("make_it", "create table public.made ();\n", seal=False)
    both("S1M05", name)


def test_a_seal_that_is_gone(package, both):
    (package.migrations / "checksums.txt").unlink()
    both("S1M05", "0001_adopt_stage1_3_tables")


def test_a_file_of_another_name_in_the_folder_is_said(package, database, run_cli):
    (package.migrations / "notes.sql").write_text("select 1;")
    found = run_cli("migrate", database=database, package=package.path)
    assert found.exit_code == 3
    assert "notes.sql" in found.stderr
    assert "[S1M10]" in found.stderr


def test_a_package_without_its_sql_is_said(package, database, run_cli):
    package.migrations.rename(package.path / "elsewhere")
    found = run_cli("status", database=database, package=package.path)
    assert found.exit_code == 4
    assert "Install the package again" in found.stderr


# --- objects: repaired, and what was there is kept ----------------------------------------------------------


@pytest.fixture
def repaired(database, run_cli):
    """After a change by hand: status says so, migrate puts it right, and nothing else differs from before."""

    def run(change: str, named: str, state: str, *with_it: str):
        before = fingerprint(database)
        database.rows(change)
        status = run_cli("status", "--format", "json", database=database)
        assert status.exit_code == 1, status.stderr
        assert f"{named} is {state}" in " ".join(line["detail"] for line in status.json["lines"])
        planned = run_cli("migrate", "--plan", database=database)
        names = {(name, state) for name in (named, *with_it)}
        assert {(row["name"], row["why"]) for row in planned.json if row["step"] != "roles"} == names
        migrated = run_cli("migrate", "--without-backup", database=database)
        assert migrated.exit_code == 0, migrated.stderr
        assert {(row["object"], row["was"]) for row in migrated.json["objects"]} == names
        kept = database.rows("select * from stage1_internal.replaced_objects where object_name = %s", named)
        after = [line for line in fingerprint(database) if "stage1_internal.replaced_objects {" not in line]
        assert after == before
        assert run_cli("migrate", database=database).json["nothing_to_do"] is True
        assert run_cli("status", database=database).exit_code == 0
        return kept

    return run


def test_a_function_edited_by_hand(database, repaired):
    signature = database.value("select pg_get_function_arguments('public.check_page'::regproc)")
    result = database.value("select pg_get_function_result('public.check_page'::regproc)")
    change = (
        f"create or replace function public.check_page({signature}) returns {result} language plpgsql as"
        " $$ begin perform 'edited by hand'; return; end $$"
    )
    kept = repaired(change, "public.check_page", "drifted")
    assert len(kept) == 1
    assert "edited by hand" in kept[0]["definition"]
    assert kept[0]["reason"] == "edited by hand"


def test_a_view_edited_by_hand(database, repaired):
    kept = repaired(
        "create or replace view public.placeholder_datasets as select 'x'::text as check_name, 'error'::text as severity,"
        " 'hand'::text as subject, 'made'::text as detail",
        "public.placeholder_datasets",
        "drifted",
    )
    assert "'hand'" in kept[0]["definition"]


def test_a_view_dropped_by_hand(repaired):
    assert repaired("drop view public.placeholder_datasets", "public.placeholder_datasets", "missing") == []


def test_a_view_dropped_by_hand_with_what_stands_on_it(database, repaired):
    fallen = database.rows(
        "select distinct d.object_name from stage1_internal.object_dependants('pg_class', 'public.run_catalog'::regclass) as d"
        " where d.object_name like 'public.fn%'"
    )
    assert fallen
    repaired("drop view public.run_catalog cascade", "public.run_catalog", "missing", *(row["object_name"] for row in fallen))


def test_a_function_dropped_by_hand(repaired):
    assert repaired("drop function public.fn_dataset_lineage", "public.fn_dataset_lineage", "missing") == []


def test_an_overload_made_by_hand(repaired):
    kept = repaired(
        "create function public.fn_list_runs(p_limit integer) returns integer language sql as 'select 42'",
        "public.fn_list_runs",
        "drifted",
    )
    assert any("select 42" in row["definition"] for row in kept)


def test_options_set_by_hand_are_drift(repaired):
    repaired("alter function public.fn_find_dataset security definer", "public.fn_find_dataset", "drifted")


@pytest.mark.parametrize("name", ["existing_objects", "drop_object", "restore_grants", "record_object"])
def test_bookkeeping_dropped_by_hand(database, run_cli, name):
    before = fingerprint(database)
    database.rows(f"drop function stage1_internal.{name}")
    status = run_cli("status", database=database)
    assert status.exit_code in (1, 4)
    assert run_cli("migrate", "--plan", database=database).exit_code == 0
    migrated = run_cli("migrate", "--without-backup", database=database)
    assert migrated.exit_code == 0, migrated.stderr
    assert migrated.json["nothing_to_do"] is False
    assert fingerprint(database) == before
    assert run_cli("migrate", database=database).json["nothing_to_do"] is True
    assert run_cli("status", database=database).exit_code == 0


def test_older_bookkeeping_is_named_and_brought_up_to_date(database, run_cli):
    before = fingerprint(database)
    database.rows("update stage1_internal.deployed_objects set file_sha256 = 'old' where object_name like '%.keep_object'")
    database.rows(
        "create or replace function stage1_internal.keep_object(p_object_name text, p_reason text)"
        " returns void language sql as 'select 1'"
    )
    status = run_cli("status", database=database)
    assert status.exit_code == 1
    assert "stage1_internal.keep_object" in status.stdout
    assert run_cli("migrate", "--without-backup", database=database).exit_code == 0
    assert fingerprint(database) == before


def test_settings_of_a_role_or_database_are_no_drift(database, run_cli):
    for setting in ("timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "quote_all_identifiers = on", "search_path = public"):
        database.rows(f"alter database {database.name} set {setting}")
    assert run_cli("migrate", database=database).json["nothing_to_do"] is True
    assert run_cli("status", database=database).exit_code == 0
