"""That the psql smoke scripts pass on a good database, fail on a broken one, and leave nothing behind."""

import subprocess

import pytest

from stage1 import resources, settings
from stage1.database import binaries

TABLES = ("stage1_datasets", "indicator_datasets", "walkforward_runs", "simulation_runs")
BREAKAGES = {
    "01_list_datasets.sql": "create or replace function public.check_page(p_limit int, p_offset int) returns void"
    " language sql immutable set search_path = '' as ''",
    "02_dataset_hierarchy.sql": "alter view public.dataset_hierarchy rename column questdb_namespace to elsewhere",
    "03_upsert_dataset.sql": "alter table public.stage1_datasets drop constraint stage1_datasets_dataset_slug_key",
    "04_foreign_keys.sql": "alter table public.simulation_runs drop constraint simulation_runs_dataset_fk",
    "05_unique_constraints.sql": "alter table public.walkforward_runs drop constraint walkforward_runs_dataset_measurement_uq",
    "06_validation.sql": "create or replace view public.datasets_without_measurements as"
    " select '' as check_name, '' as severity, ''::text as subject, ''::text as detail where false",
}


def smoke(database, script="run_all.sql"):
    psql = binaries.find(settings.load(), None, ("psql",)).path("psql")
    return subprocess.run(
        [psql, "-X", "-d", database.url, "-f", resources.sql_folder() / "smoke" / script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def everything(database):
    return {table: database.rows(f"select *, xmin from public.{table} order by 1") for table in TABLES}


def test_all_scripts_pass_on_an_empty_database(database):
    done = smoke(database)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok  ") == len(BREAKAGES)


def test_all_scripts_pass_on_a_database_in_use_and_leave_nothing_behind(database):
    database.rows(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, updated_at)"
        " select gen_random_uuid(), 's' || g, '', 'i', now() + interval '1 day' from generate_series(1, 200) as g"
    )
    database.rows("insert into public.walkforward_runs (dataset_id) select dataset_id from public.stage1_datasets")
    before = everything(database)
    done = smoke(database)
    assert done.returncode == 0, done.stderr
    assert "datasets_without_measurements" in done.stdout
    assert everything(database) == before


@pytest.mark.parametrize("script", BREAKAGES)
def test_each_script_fails_on_what_it_is_there_for(database, script):
    assert smoke(database, script).returncode == 0
    database.rows(BREAKAGES[script])
    done = smoke(database, script)
    assert done.returncode == 3
    assert "ok  " not in done.stdout


def test_every_script_is_run(database):
    folder = resources.sql_folder() / "smoke"
    called = [line.split()[1] for line in (folder / "run_all.sql").read_text().splitlines() if line.startswith("\\ir")]
    assert called == sorted(path.name for path in folder.glob("0*.sql")) == list(BREAKAGES)
