"""Do the catalog's lists, its lineage and its writes use their indexes, on 200,000 analysed rows?"""

import pytest

from tests.plans.function_plans import (
    executed,
    explain,
    explain_function,
    indexes,
    nodes,
    rows_read,
    scan_of,
    statements,
    tables_read_whole,
)

pytestmark = pytest.mark.xdist_group("plans")

PAGE = 50
DATASETS, RUNS, SIMULATIONS = "idx_stage1_datasets_updated", "idx_walkforward_runs_created", "idx_simulation_runs_created"
LISTS = {"fn_list_datasets": DATASETS, "fn_list_runs": RUNS, "fn_list_simulations": SIMULATIONS}
LARGE = "md5('dataset 7')::uuid"  # it has 300 runs

# Rows that a page may touch: a row itself, its parents, and what is counted for it.
# The first page of datasets holds one with 300 runs.
MOST_ROWS_OF_A_PAGE = {"fn_list_datasets": PAGE * 20, "fn_list_runs": PAGE * 8, "fn_list_simulations": PAGE * 6}


def value(catalog, statement):
    return next(iter(catalog.execute(statement).fetchone().values()))


def middle(catalog, function):
    """The key of the row in the middle of a list."""
    table, time, key = {
        "fn_list_datasets": ("stage1_datasets", "updated_at", "dataset_id"),
        "fn_list_runs": ("walkforward_runs", "created_at", "run_id"),
        "fn_list_simulations": ("simulation_runs", "created_at", "simulation_id"),
    }[function]
    row = catalog.execute(
        f"select {time}, {key} from {table} order by 1 desc, 2 desc limit 1 offset (select count(*) / 2 from {table})"
    ).fetchone()
    return row[time], row[key]


@pytest.mark.parametrize("function", LISTS)
def test_first_page_is_the_end_of_one_index(catalog, function):
    plan = explain_function(catalog, function, PAGE, 0)
    page = scan_of(plan, LISTS[function])
    assert (page["Node Type"], page["Scan Direction"], page["Heap Fetches"]) == ("Index Only Scan", "Backward", 0)
    assert page["Actual Rows"] == PAGE
    assert tables_read_whole(plan) == []
    assert rows_read(plan) <= MOST_ROWS_OF_A_PAGE[function]
    assert [node["Actual Rows"] for node in nodes(plan) if node["Node Type"] == "Sort"] in ([], [PAGE])


@pytest.mark.parametrize("function", LISTS)
@pytest.mark.parametrize("limit", [1000, 10000])
def test_large_page_reads_its_own_rows_only(catalog, function, limit):
    plan = explain_function(catalog, function, limit, 0)
    assert tables_read_whole(plan) == []
    assert scan_of(plan, LISTS[function])["Actual Rows"] == limit


@pytest.mark.parametrize("function", LISTS)
def test_deep_page_walks_the_index_and_reads_the_rows_of_its_page(catalog, function):
    offset = 30_000
    plan = explain_function(catalog, function, PAGE, offset)
    page = scan_of(plan, LISTS[function])
    assert (page["Node Type"], page["Heap Fetches"], page["Actual Rows"]) == ("Index Only Scan", 0, offset + PAGE)
    assert tables_read_whole(plan) == []
    assert rows_read(plan) - page["Actual Rows"] <= MOST_ROWS_OF_A_PAGE[function]


@pytest.mark.parametrize("function", LISTS)
def test_page_after_a_row_starts_at_that_row(catalog, function):
    plan = explain_function(catalog, f"{function}_after", PAGE, *middle(catalog, function))
    page = scan_of(plan, LISTS[function])
    assert page["Node Type"] == "Index Only Scan"
    assert "ROW(" in page["Index Cond"]
    assert page["Actual Rows"] == PAGE
    assert page.get("Rows Removed by Filter", 0) == 0
    assert rows_read(plan) <= MOST_ROWS_OF_A_PAGE[function]


@pytest.mark.parametrize(
    ("function", "index"),
    [("fn_list_runs", "idx_walkforward_runs_dataset"), ("fn_list_simulations", "idx_simulation_runs_dataset")],
)
@pytest.mark.parametrize("suffix", ["", "_after"])
def test_rows_of_a_dataset_come_from_its_part_of_the_index(catalog, function, index, suffix):
    large = value(catalog, f"select {LARGE}")
    leading = (PAGE, 0, large) if not suffix else (PAGE, *middle(catalog, function), large)
    plan = explain_function(catalog, function + suffix, *leading)
    assert index in indexes(plan)
    assert tables_read_whole(plan) == []
    assert rows_read(plan) <= 300 + MOST_ROWS_OF_A_PAGE[function]


def test_simulations_of_a_run_come_from_its_part_of_the_index(catalog):
    run = value(catalog, "select run_id from simulation_runs where dataset_id is not null limit 1")
    plan = explain_function(catalog, "fn_list_simulations", PAGE, 0, None, run)
    assert "simulation_runs_run_namespace_uq" in indexes(plan)
    assert rows_read(plan) < PAGE


# A symbol costs what its datasets cost, whatever the others hold: AAPL has 5 % of the datasets, IDLE 1 % and no run at all.
@pytest.mark.parametrize("symbol", ["AAPL", "S13", "RARE", "IDLE", "DORMANT", "NOBODY"])
@pytest.mark.parametrize("function", ["fn_list_runs", "fn_list_simulations", "fn_list_runs_after", "fn_list_simulations_after"])
def test_rows_of_a_symbol_start_from_its_datasets(catalog, function, symbol):
    assert statements(catalog, function) == 2
    after = function.endswith("_after")
    place = middle(catalog, function.removesuffix("_after")) if after else (0,)
    unset = (None,) if "runs" in function else (None, None)
    plan = explain_function(catalog, function, PAGE, *place, *unset, symbol, statement=1)
    of_symbol = value(catalog, f"select count(*) from stage1_datasets where symbol = '{symbol}'")
    assert not indexes(plan) & {RUNS, SIMULATIONS}
    assert tables_read_whole(plan) == []
    assert rows_read(plan) <= of_symbol * 8 + MOST_ROWS_OF_A_PAGE["fn_list_runs"]


@pytest.mark.parametrize("dataset", ["dataset 5", "dataset 1", "dataset 7"])
def test_lineage_of_a_dataset_uses_indexes_only(catalog, dataset):
    plan = explain(catalog, f"select * from dataset_hierarchy where dataset_id = md5('{dataset}')::uuid")
    assert tables_read_whole(plan) == []
    runs = value(catalog, f"select count(*) from walkforward_runs where dataset_id = md5('{dataset}')::uuid")
    simulations = value(catalog, f"select count(*) from simulation_runs where dataset_id = md5('{dataset}')::uuid")
    assert rows_read(plan) <= 4 * (1 + runs + simulations)


@pytest.fixture
def derived(catalog):
    """The same with a manifest and an ingest of each dataset, until the end of the test."""
    with catalog.transaction(force_rollback=True):
        catalog.execute("set local session_replication_role = replica")
        catalog.execute("""
            insert into data_ingest_runs (id, vendor, dataset, file_name)
            select i, 'databento', 'XNAS.ITCH', 'manifest.json'
            from generate_series(1, (select count(*) from stage1_datasets)) as i
        """)
        catalog.execute("""
            insert into dataset_manifests (
              dataset_id, symbol, from_date, to_date, products, calendar_version, tz, raw_dbn, bars_parquet, bars_manifest_path,
              bars_manifest_sha256, generated_at, size_bytes, status, vendor_dataset, ingest_id, bar_count
            )
            select dataset_id, 'AAPL', '2023-01-01', '2024-01-01', '["TRADES", "TBBO"]', 'utc-24x7/1', 'UTC', '["a", "b"]', '[]',
              'm', repeat('a', 64), now(), 0, 'READY', 'XNAS.ITCH', row_number() over (order by dataset_id), 0
            from stage1_datasets
        """)
        catalog.execute("analyze data_ingest_runs, dataset_manifests")
        yield catalog


@pytest.mark.parametrize("dataset", ["dataset 5", "dataset 1", "dataset 7"])
def test_what_came_from_what_uses_indexes_only(derived, dataset):
    plan = explain(derived, f"select * from dataset_lineage where dataset_id = md5('{dataset}')::uuid")
    assert tables_read_whole(plan) == []
    assert {"dataset_manifests_pkey", "data_ingest_runs_pkey", "stage1_datasets_pkey"} <= indexes(plan)
    runs = value(derived, f"select count(*) from walkforward_runs where dataset_id = md5('{dataset}')::uuid")
    simulations = value(derived, f"select count(*) from simulation_runs where dataset_id = md5('{dataset}')::uuid")
    assert rows_read(plan) <= 20 + 6 * (1 + runs + simulations)


def test_the_manifest_of_a_dataset_and_of_an_ingest_is_found_by_index(derived):
    for condition in (f"dataset_uuid = {LARGE}", "ingest_id = 7"):
        plan = explain(derived, f"select * from datasets where {condition}")
        assert tables_read_whole(plan) == []
        assert rows_read(plan) <= 20


def test_dataset_is_found_by_its_slug_and_counted_by_index(catalog):
    slug = value(catalog, f"select dataset_slug from stage1_datasets where dataset_id = {LARGE}")
    plan = explain(catalog, f"select * from dataset_catalog where dataset_slug = '{slug}'")
    assert {"stage1_datasets_dataset_slug_key", "idx_walkforward_runs_dataset", "idx_simulation_runs_dataset"} <= indexes(plan)
    assert {node["Node Type"] for node in executed(plan)} <= {"Index Scan", "Index Only Scan", "Aggregate", "Limit"}


def test_upsert_finds_its_row_by_an_index(catalog):
    # Not executed: a row that is written, even if rolled back, is a heap fetch for the index-only scans of other tests.
    row = catalog.execute("""
        explain (format json) insert into stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)
        values (md5('dataset 1')::uuid, 'a-slug', '', '')
        on conflict (dataset_id) do update set dataset_slug = excluded.dataset_slug
    """).fetchone()
    assert row["QUERY PLAN"][0]["Plan"]["Conflict Arbiter Indexes"] == ["stage1_datasets_pkey"]


def test_every_foreign_key_has_an_index_that_begins_with_its_columns(catalog):
    """A delete or a changed key of the parent looks its children up; without an index that is the whole table, for each row."""
    keys = catalog.execute("""
        select k.conname, k.conrelid::regclass::text as child, exists (
          select 1 from pg_index as i
          where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
            and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
        ) as has_index
        from pg_constraint as k
        where k.contype = 'f' and k.connamespace in ('public'::regnamespace, 'stage1_internal'::regnamespace)
    """).fetchall()
    assert {key["child"] for key in keys} >= {"indicator_datasets", "walkforward_runs", "simulation_runs"}
    assert [key["conname"] for key in keys if not key["has_index"]] == []


@pytest.mark.parametrize("table", ["walkforward_runs", "simulation_runs", "indicator_datasets"])
def test_children_of_a_deleted_dataset_are_found_by_index(catalog, table):
    """The foreign key's own query, as PostgreSQL's ri_triggers.c words it."""
    if table == "indicator_datasets":
        with catalog.transaction(force_rollback=True):
            catalog.execute("set local session_replication_role = replica")
            catalog.execute("insert into indicator_datasets (dataset_id) select dataset_id from stage1_datasets")
            catalog.execute("analyze indicator_datasets")
            plan = explain(catalog, f"select 1 from only {table} as x where dataset_id = {LARGE} for key share of x")
    else:
        plan = explain(catalog, f"select 1 from only {table} as x where dataset_id = {LARGE} for key share of x")
    assert tables_read_whole(plan) == []
    assert indexes(plan)
