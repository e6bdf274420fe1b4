"""What the catalog's tables themselves hold to, whoever writes them."""

from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

ID = UUID(int=1)
INSERT = (
    "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, metadata, kind)"
    " values (%s, %s, 'o', 'i', %s, %s)"
)


@pytest.mark.parametrize("metadata", ["[1]", '"text"', "1", "null"])
def test_metadata_is_an_object(db, metadata):
    with pytest.raises(psycopg.errors.CheckViolation) as refused, db.transaction():
        db.execute(INSERT, [ID, "x", metadata, "triplet"])
    assert refused.value.diag.constraint_name == "stage1_datasets_metadata_is_object"


def test_a_null_for_metadata_is_stored_as_an_empty_object(db):
    db.execute(INSERT, [ID, "x", None, "triplet"])
    assert db.execute("select metadata from public.stage1_datasets").fetchone()["metadata"] == {}


def test_metadata_cannot_become_an_array_by_appending_one(db):
    db.execute(INSERT, [ID, "x", "{}", "triplet"])
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        db.execute("update public.stage1_datasets set metadata = metadata || '[1]'")


def test_kind_is_one_of_three(db):
    for number, kind in enumerate(("triplet", "bars", "examples")):
        db.execute(INSERT, [UUID(int=number + 1), kind, "{}", kind])
    with pytest.raises(psycopg.errors.CheckViolation) as refused, db.transaction():
        db.execute(INSERT, [UUID(int=9), "x", "{}", "candles"])
    assert refused.value.diag.constraint_name == "stage1_datasets_kind_known"


def test_an_update_stamps_updated_at_and_an_insert_may_state_it(db):
    db.execute(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, updated_at)"
        " values (%s, 'x', 'o', 'i', '2020-01-01Z')",
        [ID],
    )
    before = db.execute("select updated_at from public.stage1_datasets").fetchone()["updated_at"]
    assert before == datetime(2020, 1, 1, tzinfo=UTC)
    db.execute("update public.stage1_datasets set symbol = 'X'")
    assert db.execute("select updated_at = now() as stamped from public.stage1_datasets").fetchone()["stamped"]


@pytest.mark.parametrize("table", ["indicator_datasets", "walkforward_runs", "simulation_runs"])
def test_every_table_references_the_catalog_and_the_reference_is_validated(db, table):
    found = db.execute(
        "select c.convalidated, c.confdeltype = 'c' as cascades from pg_catalog.pg_constraint as c"
        " where c.conrelid = %s::regclass and c.contype = 'f' and c.confrelid = 'public.stage1_datasets'::regclass",
        [f"public.{table}"],
    ).fetchall()
    assert found == [{"convalidated": True, "cascades": table == "indicator_datasets"}]


@pytest.mark.parametrize("table", ["walkforward_runs", "simulation_runs"])
def test_a_run_of_an_unknown_dataset_is_refused(db, table):
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused, db.transaction():
        db.execute(f"insert into public.{table} (dataset_id) values (%s)", [ID])
    assert refused.value.diag.constraint_name == f"{table}_dataset_fk"


def test_a_dataset_with_runs_cannot_be_deleted(db):
    db.execute(INSERT, [ID, "x", "{}", "triplet"])
    db.execute("insert into public.walkforward_runs (dataset_id) values (%s)", [ID])
    with pytest.raises(psycopg.errors.ForeignKeyViolation), db.transaction():
        db.execute("delete from public.stage1_datasets")


def test_a_run_s_predictions_are_written_once(db):
    db.execute(INSERT, [ID, "x", "{}", "triplet"])
    statement = "insert into public.walkforward_runs (dataset_id, prediction_measurement) values (%s, 'p')"
    db.execute(statement, [ID])
    with pytest.raises(psycopg.errors.UniqueViolation) as refused, db.transaction():
        db.execute(statement, [ID])
    assert refused.value.diag.constraint_name == "walkforward_runs_dataset_measurement_uq"


def test_a_simulation_s_namespace_is_used_once_per_run(db):
    statement = "insert into public.simulation_runs (run_id, questdb_namespace) values (%s, 'ns')"
    db.execute(statement, [ID])
    with pytest.raises(psycopg.errors.UniqueViolation) as refused, db.transaction():
        db.execute(statement, [ID])
    assert refused.value.diag.constraint_name == "simulation_runs_run_namespace_uq"


def test_no_shape_is_left_behind(db):
    left = db.execute("select relname from pg_catalog.pg_class where relname like '%\\_\\_shape%'").fetchall()
    left += db.execute("select conname from pg_catalog.pg_constraint where conname like '%\\_\\_shape%'").fetchall()
    assert left == []
