"""That the lineage contains everything: whole branches, cut branches and rows that hang in the air."""

from uuid import UUID

import pytest

SOURCE_COLUMNS = [
    "dataset_slug",
    "ohlcv_measurement",
    "indicator_measurement",
    "run_id",
    "prediction_measurement",
    "serialized_config",
    "simulation_id",
    "questdb_namespace",
    "status",
]


def identifier(kind, number):
    return UUID(f"{kind:08d}-0000-4000-8000-{number:012d}")


DATASET, EMPTY = identifier(1, 1), identifier(1, 2)
RUN, BARE_RUN, HOMELESS_RUN, UNKNOWN_RUN = (identifier(2, n) for n in (1, 2, 3, 4))
SIMULATION, STRAY, LOST, HOMELESS = (identifier(3, n) for n in (1, 2, 3, 4))


@pytest.fixture
def lineage(db):
    for dataset_id, slug in ((DATASET, "full"), (EMPTY, "empty")):
        db.execute(
            "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
            " values (%s, %s, 'o', 'i')",
            [dataset_id, slug],
        )
    for run_id, dataset_id in ((RUN, DATASET), (BARE_RUN, DATASET), (HOMELESS_RUN, None)):
        db.execute(
            "insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement, serialized_config, status)"
            " values (%s, %s, %s, 'run config', 'run done')",
            [run_id, dataset_id, f"p-{run_id}"],
        )
    for simulation_id, run_id, dataset_id in (
        (SIMULATION, RUN, DATASET),
        (STRAY, UNKNOWN_RUN, DATASET),
        (LOST, None, None),
        (HOMELESS, HOMELESS_RUN, None),
    ):
        db.execute(
            "insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace, serialized_config,"
            " status) values (%s, %s, %s, 'ns', 'simulation config', 'simulation done')",
            [simulation_id, run_id, dataset_id],
        )
    return db


def test_every_column_of_the_source_is_there(lineage):
    row = lineage.execute("select * from public.dataset_hierarchy").fetchone()
    assert set(SOURCE_COLUMNS) <= set(row)


def test_every_dataset_run_and_simulation_is_there_once(lineage):
    rows = lineage.execute("select dataset_id, run_id, simulation_id from public.dataset_hierarchy").fetchall()
    assert {tuple(row.values()) for row in rows} == {
        (DATASET, RUN, SIMULATION),
        (DATASET, BARE_RUN, None),
        (EMPTY, None, None),
        (None, HOMELESS_RUN, HOMELESS),
        (DATASET, UNKNOWN_RUN, STRAY),
        (None, None, LOST),
    }
    assert len(rows) == 6


def test_status_is_the_simulation_s_and_serialized_config_the_run_s(lineage):
    row = lineage.execute("select * from public.dataset_hierarchy where simulation_id = %s", [SIMULATION]).fetchone()
    assert (row["status"], row["run_status"]) == ("simulation done", "run done")
    assert (row["serialized_config"], row["simulation_serialized_config"]) == ("run config", "simulation config")
    bare = lineage.execute("select * from public.dataset_hierarchy where run_id = %s", [BARE_RUN]).fetchone()
    assert (bare["status"], bare["run_status"]) == (None, "run done")


def test_a_simulation_of_an_unknown_run_keeps_its_run_id_and_dataset(lineage):
    row = lineage.execute("select * from public.dataset_hierarchy where simulation_id = %s", [STRAY]).fetchone()
    assert (row["dataset_slug"], row["ohlcv_measurement"], row["run_id"], row["status"]) == (
        "full",
        "o",
        UNKNOWN_RUN,
        "simulation done",
    )


def test_the_lineage_function_gives_the_dataset_s_rows_of_the_view(lineage):
    by_function = lineage.execute("select * from public.fn_dataset_lineage('full')").fetchall()
    by_view = lineage.execute("select * from public.dataset_hierarchy where dataset_id = %s", [DATASET]).fetchall()
    assert len(by_function) == 3
    assert sorted(map(str, by_function)) == sorted(map(str, by_view))
