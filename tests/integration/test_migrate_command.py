"""`stage1 migrate` from the outside: what it does, says and answers, and that it does nothing twice."""

import csv
import io
import json

import pytest

from tests.plugins.fingerprints import fingerprint

pytestmark = pytest.mark.usefixtures("template")


def test_an_empty_database_is_brought_up_to_date_and_the_second_run_does_nothing(empty_database, run_cli):
    first = run_cli("migrate", database=empty_database)
    assert first.exit_code == 0, first.stderr
    assert first.json["nothing_to_do"] is False
    assert first.json["backup"] is None
    assert [row["migration"][:4] for row in first.json["migrations"]] == [
        f"{n:04d}" for n in range(1, len(first.json["migrations"]) + 1)
    ]
    assert {row["table_name"] for row in first.json["row_counts"]} >= {"public.stage1_datasets", "public.walkforward_runs"}
    before = fingerprint(empty_database, with_times=True)
    second = run_cli("migrate", database=empty_database)
    assert second.exit_code == 0
    assert second.json["nothing_to_do"] is True
    assert (second.json["migrations"], second.json["objects"], second.json["row_counts"]) == ([], [], [])
    assert "nothing to do" in second.stderr
    assert fingerprint(empty_database, with_times=True) == before


def test_a_plan_names_everything_and_changes_nothing(empty_database, run_cli):
    before = fingerprint(empty_database)
    planned = run_cli("migrate", "--plan", database=empty_database)
    assert planned.exit_code == 0, planned.stderr
    assert fingerprint(empty_database) == before
    done = run_cli("migrate", database=empty_database).json
    named = {row["name"] for row in planned.json}
    assert {row["migration"] for row in done["migrations"]} <= named
    assert {row["object"] for row in done["objects"]} <= named
    assert {"bookkeeping", "roles"} <= {row["step"] for row in planned.json}


def test_a_plan_prints_its_sql_when_asked(empty_database, run_cli):
    found = run_cli("migrate", "--plan", "-v", database=empty_database)
    assert "create table" in found.stderr.lower()
    assert isinstance(found.json, list)


def test_the_plan_of_an_up_to_date_database_is_empty(database, run_cli):
    found = run_cli("migrate", "--plan", database=database)
    assert (found.exit_code, found.json) == (0, [])
    assert "nothing to do" in found.stderr


def test_without_roles_no_role_is_touched(empty_database, run_cli):
    found = run_cli("migrate", "--without-roles", database=empty_database)
    assert found.exit_code == 0, found.stderr
    grants = empty_database.value(
        "select count(*) from pg_class c, aclexplode(c.relacl) a"
        " where c.relname = 'stage1_datasets' and a.grantee::regrole::text = 'stage1_app'"
    )
    assert grants == 0
    again = run_cli("migrate", "--without-roles", database=empty_database)
    assert again.json["nothing_to_do"] is True
    with_roles = run_cli("migrate", database=empty_database)
    assert with_roles.json["nothing_to_do"] is False
    assert with_roles.json["roles_changed"] > 0
    assert run_cli("migrate", database=empty_database).json["nothing_to_do"] is True


@pytest.mark.parametrize("output_format", ["table", "json", "csv"])
def test_every_command_answers_in_every_format(database, run_cli, output_format):
    database.rows(
        "select public.upsert_stage1_dataset(gen_random_uuid(), %s, 'X', '1m', 's', 'o', 'i', 1, 1, null,null,null,null,'{}')",
        'evil\x1b[31m,"slug\n',
    )
    slug = 'evil\x1b[31m,"slug\n'
    for arguments in (
        ["migrate"],
        ["migrate", "--plan"],
        ["status"],
        ["doctor"],
        ["backup", "list"],
        ["datasets", "list"],
        ["datasets", "show", slug],
        ["datasets", "lineage", slug],
        ["datasets", "upsert", "B", "--ohlcv", "o", "--indicators", "i"],
    ):
        found = run_cli(*arguments, "--format", output_format, database=database)
        assert found.exit_code in (0, 1), found.stderr
        assert "Traceback" not in found.stderr
        if output_format == "json":
            json.loads(found.stdout)
            assert "\x1b" not in found.stdout
        elif output_format == "csv":
            rows = list(csv.reader(io.StringIO(found.stdout)))
            assert len({len(row) for row in rows}) <= 1
        else:
            assert "\x1b" not in found.stdout


def test_the_shared_options_stand_before_or_behind_the_name(database, run_cli):
    before = run_cli("--format", "csv", "-q", "datasets", "list", database=database)
    behind = run_cli("datasets", "list", "--format", "csv", "-q", database=database)
    assert before.stdout == behind.stdout
    assert before.stderr == behind.stderr == ""


def test_every_command_names_its_database_and_hides_the_password(database, run_cli):
    with_password = database.url + " password=hunter22"
    found = run_cli("--database", with_password, "status")
    assert f"database: {database.name} on " in found.stderr
    assert "hunter22" not in found.said


def test_old_rows_are_counted_and_backed_up_first(old_deployment, run_cli, tmp_path):
    found = run_cli("migrate", database=old_deployment)
    assert found.exit_code == 0, found.stderr
    counts = {row["table_name"]: row["row_count"] for row in found.json["row_counts"]}
    for table, count in counts.items():
        assert old_deployment.value(f"select count(*) from {table}") == count
    assert counts["public.indicator_datasets"] == 14
    assert found.json["backup"].startswith(str(tmp_path / "backups"))
    notices = [notice for row in found.json["migrations"] for notice in row["notices"]]
    assert any("placeholders" in notice for notice in notices)
    assert any("placeholders" in line for line in found.stderr.splitlines())
    assert found.json["nothing_to_do"] is False


def test_the_old_texts_of_replaced_objects_are_kept(old_deployment, run_cli):
    run_cli("migrate", "--without-backup", database=old_deployment)
    kept = {
        row["object_name"]: row["definition"] for row in old_deployment.rows("select * from stage1_internal.replaced_objects")
    }
    assert "i.questdb_tag" in kept["public.dataset_hierarchy"]
    assert "p_status" in kept["public.fn_list_runs"]


def test_a_plan_of_an_old_deployment_changes_nothing(old_deployment, run_cli):
    before = fingerprint(old_deployment, with_times=True)
    assert run_cli("migrate", "--plan", database=old_deployment).exit_code == 0
    assert fingerprint(old_deployment, with_times=True) == before


def test_duplicates_stop_the_adoption_and_leave_everything_as_it_was(old_deployment, run_cli):
    old_deployment.rows("insert into walkforward_runs select * from walkforward_runs where run_id::text like '%01'")
    before = fingerprint(old_deployment, with_times=True)
    found = run_cli("migrate", "--without-backup", database=old_deployment)
    assert found.exit_code == 3
    assert "[S1M07]" in found.stderr
    assert "20000000-0000-4000-8000-000000000001" in found.stderr
    assert found.stdout == ""
    assert fingerprint(old_deployment, with_times=True) == before


def test_a_column_of_another_type_stops_the_adoption(old_deployment, run_cli):
    old_deployment.rows("alter table simulation_runs alter column serialized_config type jsonb using null")
    before = fingerprint(old_deployment, with_times=True)
    found = run_cli("migrate", "--without-backup", database=old_deployment)
    assert found.exit_code == 3
    assert "[S1M06]" in found.stderr
    assert "serialized_config is jsonb, expected text" in found.stderr
    assert fingerprint(old_deployment, with_times=True) == before
