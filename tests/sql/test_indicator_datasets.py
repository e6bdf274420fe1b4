"""That a client which knows indicator_datasets only goes on working, and that the catalog sees its rows."""

from uuid import UUID

import psycopg
import pytest

ID, TWIN = UUID("12345678-0000-4000-8000-000000000001"), UUID("87654321-0000-4000-8000-000000000002")
INSERT = "insert into public.indicator_datasets (dataset_id, symbol, granularity, source, questdb_tag, row_count) values"


def insert(db, dataset_id=ID, tag="ind_x", rows=5, source="laptop"):
    db.execute(f"{INSERT} (%s, 'X', '1m', %s, %s, %s)", [dataset_id, source, tag, rows])


def parent(db, dataset_id=ID):
    return db.execute("select * from public.stage1_datasets where dataset_id = %s", [dataset_id]).fetchone()


def upsert(db, dataset_id=ID, slug="known", rows=77):
    db.execute(
        "select public.upsert_stage1_dataset(%s, %s, 'X', '1m', null, 'o', 'i', 1, %s, null, null, null, null, null)",
        [dataset_id, slug, rows],
    )


def test_an_insert_makes_its_parent_by_the_rule(db):
    insert(db)
    row = parent(db)
    assert (row["dataset_slug"], row["symbol"], row["granularity"], row["source"]) == ("ind_x", "X", "1m", "laptop")
    assert (row["ohlcv_measurement"], row["indicator_measurement"], row["indicator_row_count"]) == ("", "ind_x", 5)
    assert row["kind"] == "triplet"
    assert row["metadata"] == {
        "legacy_source": "laptop",
        "questdb_tag": "ind_x",
        "slug_from": "questdb_tag",
        "unknown": ["ohlcv_measurement"],
    }


@pytest.mark.parametrize("tag", [None, "", "  ", "x" * 300])
def test_without_a_usable_tag_the_id_is_the_slug(db, tag):
    insert(db, tag=tag)
    row = parent(db)
    assert (row["dataset_slug"], row["indicator_measurement"]) == (str(ID), "")
    assert row["metadata"]["slug_from"] == "dataset_id"
    assert row["metadata"]["questdb_tag"] == tag
    assert row["metadata"]["unknown"] == ["ohlcv_measurement", "indicator_measurement"]


def test_no_source_is_a_legacy_import(db):
    insert(db, source=None)
    assert (parent(db)["source"], parent(db)["metadata"]["legacy_source"]) == ("legacy_import", None)


def test_a_repeated_tag_gets_suffixes_until_one_is_free(db):
    insert(db, UUID(int=1), "ind_x")
    insert(db, UUID(int=2), f"ind_x-{str(ID)[:8]}")
    insert(db, ID)
    assert parent(db)["dataset_slug"] == f"ind_x-{ID}"
    assert parent(db)["metadata"]["slug_from"] == "questdb_tag with suffix"
    insert(db, UUID(int=3), f"ind_x-{TWIN}")
    insert(db, UUID(int=4), f"ind_x-{str(TWIN)[:8]}")
    insert(db, TWIN)
    assert parent(db, TWIN)["dataset_slug"] == f"ind_x-{TWIN}-2"


def test_an_insert_of_many_rows_makes_all_parents(db):
    db.execute(f"{INSERT} (%s, 'X', '1m', 's', 'same', 1), (%s, 'X', '1m', 's', 'same', 2)", [ID, TWIN])
    assert (parent(db)["dataset_slug"], parent(db, TWIN)["dataset_slug"]) == ("same", "same-87654321")


def test_copy_makes_parents(db):
    with db.cursor().copy("copy public.indicator_datasets (dataset_id, questdb_tag, row_count) from stdin") as copy:
        copy.write_row((ID, "copied", 3))
        copy.write_row((TWIN, "copied", 4))
    assert parent(db)["dataset_slug"] == "copied"
    assert parent(db, TWIN)["indicator_row_count"] == 4


def test_on_conflict_do_update_works_and_the_statistics_follow(db):
    statement = f"{INSERT} (%s, 'X', '1m', 's', 'tag', %s) on conflict (dataset_id) do update set row_count = excluded.row_count"
    db.execute(statement, [ID, 1])
    db.execute(statement, [ID, 2])
    assert parent(db)["indicator_row_count"] == 2


def test_on_conflict_do_nothing_changes_nothing(db):
    insert(db)
    db.execute(f"{INSERT} (%s, 'Y', '5m', 's', 'other', 9) on conflict do nothing", [ID])
    assert (parent(db)["symbol"], parent(db)["indicator_row_count"], parent(db)["dataset_slug"]) == ("X", 5, "ind_x")


def test_an_update_is_followed_until_the_dataset_is_upserted(db):
    insert(db)
    db.execute("update public.indicator_datasets set row_count = 6, last_bar_ts = '2024-01-01Z', questdb_tag = 'ind_y'")
    row = parent(db)
    assert (row["indicator_row_count"], row["indicator_measurement"], row["dataset_slug"]) == (6, "ind_y", "ind_x")
    assert row["indicator_last_ts"] is not None and row["metadata"]["questdb_tag"] == "ind_y"
    upsert(db)
    db.execute("update public.indicator_datasets set row_count = 7")
    assert parent(db)["indicator_row_count"] == 77


def test_an_update_that_changes_nothing_of_the_statistics_leaves_the_parent_alone(db):
    insert(db)
    before = db.execute("select xmin, ctid from public.stage1_datasets").fetchone()
    db.execute("update public.indicator_datasets set created_at = '2020-01-01Z'")
    assert db.execute("select xmin, ctid from public.stage1_datasets").fetchone() == before


def test_a_dataset_that_was_upserted_first_stays_as_it_is(db):
    upsert(db)
    before = parent(db)
    insert(db)
    assert parent(db) == before


def test_an_upsert_ends_the_legacy_mark_and_keeps_the_rest_of_the_metadata(db):
    insert(db)
    upsert(db, slug="ind_x")
    assert parent(db)["metadata"] == {"legacy_source": "laptop", "questdb_tag": "ind_x", "slug_from": "questdb_tag"}


def test_a_row_for_a_placeholder_makes_it_a_known_dataset(db):
    db.execute(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, source, ohlcv_measurement, indicator_measurement,"
        " metadata) values (%s, %s, 'placeholder', '', '', '{\"placeholder\": true, \"slug_from\": \"dataset_id\"}')",
        [ID, str(ID)],
    )
    insert(db)
    row = parent(db)
    assert (row["dataset_slug"], row["source"], row["indicator_measurement"]) == (str(ID), "laptop", "ind_x")
    assert "placeholder" not in row["metadata"] and row["metadata"]["slug_from"] == "dataset_id"


def test_a_null_id_is_refused_as_before(db):
    with pytest.raises(psycopg.errors.NotNullViolation), db.transaction():
        insert(db, dataset_id=None)


def test_a_changed_id_gets_a_parent_too(db):
    insert(db)
    db.execute("update public.indicator_datasets set dataset_id = %s", [TWIN])
    assert parent(db, TWIN)["indicator_row_count"] == 5


def test_a_null_created_at_becomes_the_time_of_the_insert(db):
    db.execute("insert into public.indicator_datasets (dataset_id, created_at) values (%s, null)", [ID])
    db.execute("insert into public.walkforward_runs (run_id, created_at) values (%s, null)", [ID])
    db.execute("insert into public.simulation_runs (simulation_id, created_at) values (%s, null)", [ID])
    for table in ("indicator_datasets", "walkforward_runs", "simulation_runs"):
        assert db.execute(f"select created_at = now() as now from public.{table}").fetchone()["now"]


def test_deleting_a_dataset_deletes_its_indicator_row(db):
    insert(db)
    db.execute("delete from public.stage1_datasets")
    assert db.execute("select count(*) as n from public.indicator_datasets").fetchone()["n"] == 0


def test_the_trigger_works_for_a_role_that_may_only_insert(db):
    db.execute("create role probe_client")
    db.execute("grant usage on schema public to probe_client")
    db.execute("grant insert, select, update on public.indicator_datasets to probe_client")
    db.execute("set local role probe_client")
    insert(db)
    db.execute("update public.indicator_datasets set row_count = 8")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
        parent(db)
    db.execute("reset role")
    assert parent(db)["indicator_row_count"] == 8


def test_functions_that_run_as_their_owner_are_closed_to_everyone(db):
    open_ones = db.execute(
        "select p.oid::regprocedure::text as name from pg_catalog.pg_proc as p"
        " where p.pronamespace = 'stage1_internal'::regnamespace and p.prosecdef"
        " and (p.proacl is null or p.proacl::text like '%{=X%' or p.proacl::text like '%,=X%')"
    ).fetchall()
    assert open_ones == []


def test_a_clients_own_types_are_not_taken_for_postgresqls(db):
    """The triggers run as the owner: a `text` in the client's temporary schema must not have its check run by them."""
    db.execute("create function pg_temp.hijack(anyelement) returns boolean language plpgsql as $$ begin raise 'hijacked'; end $$")
    for name in ("text", "uuid", "jsonb"):
        db.execute(f"create domain pg_temp.{name} as pg_catalog.{name} check (pg_temp.hijack(value))")
    insert(db)
    db.execute("update public.indicator_datasets set row_count = 6, questdb_tag = 'ind_y'")
    assert parent(db)["indicator_row_count"] == 6
