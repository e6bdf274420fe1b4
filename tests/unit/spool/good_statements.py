"""Statements that a spool may hold: on real tables and functions, each with its own way of writing."""

from stage1.model.replay_rules import Rules

_DATASET = "6f1d0c1e-0000-4000-8000-000000000001"
_RUN = "6f1d0c1e-0000-4000-8000-000000000002"

_COLUMNS = {
    "stage1_datasets": "dataset_id dataset_slug symbol granularity source ohlcv_measurement indicator_measurement kind "
    "ohlcv_row_count indicator_row_count ohlcv_first_ts ohlcv_last_ts indicator_first_ts indicator_last_ts metadata created_at "
    "updated_at",
    "indicator_datasets": "dataset_id symbol granularity source questdb_tag row_count first_bar_ts last_bar_ts created_at",
    "walkforward_runs": "run_id dataset_id prediction_measurement serialized_config status created_at",
    "simulation_runs": "simulation_id run_id dataset_id questdb_namespace serialized_config status created_at",
}

# What the database's own rules come to.
RULES = Rules(
    tables={("public", table): frozenset(columns.split()) for table, columns in _COLUMNS.items()},
    functions=frozenset({("public", "upsert_stage1_dataset")}),
)

UPSERT = (
    f"SELECT upsert_stage1_dataset('{_DATASET}', 'SPOOL-AAPL-1m', 'AAPL', '1m', 'laptop_imgui', 'ohlcv_aapl', 'ind_aapl', "
    "1000, 990, '2023-01-03T14:30:00Z', '2023-12-29 20:59:00+00', NULL, NULL, '{\"desk\": \"a;b\"}'::jsonb)"
)

# In this order each can be executed on an empty catalog.
GOOD_STATEMENTS = [
    UPSERT,
    UPSERT.replace("upsert_stage1", "public.upsert_stage1"),
    "select public.upsert_stage1_dataset(p_dataset_id => cast('6f1d0c1e-0000-4000-8000-000000000003' as uuid), "
    "p_dataset_slug := 'SPOOL-MSFT-1m', p_symbol => 'MSFT', p_granularity => '1m', p_source => null::text, "
    "p_ohlcv_measurement => '', p_indicator_measurement => '', p_ohlcv_rows => 0, p_indicator_rows => 0::bigint, "
    "p_ohlcv_first => null, p_ohlcv_last => now(), p_indicator_first => null, p_indicator_last => current_timestamp, "
    "p_metadata => '{}')",
    f"INSERT INTO walkforward_runs (run_id, dataset_id, status) VALUES ('{_RUN}', '{_DATASET}', 'completed')",
    f"insert into public.walkforward_runs (run_id, status) values ('{_RUN}'::uuid, 'again') on conflict (run_id) do nothing",
    f"insert into public.walkforward_runs (run_id, status) values ('{_RUN}', 'done') "
    "on conflict on constraint walkforward_runs_pkey do update set status = excluded.status",
    f"insert into walkforward_runs (run_id, status) values ('{_RUN}', 'x') "
    "on conflict (run_id) do update set status = 'fixed', serialized_config = NULL, created_at = now(), dataset_id = DEFAULT",
    "insert into walkforward_runs (dataset_id, prediction_measurement) values "
    f"('{_DATASET}', 'p1'), ('{_DATASET}', 'p2') on conflict (dataset_id, prediction_measurement) do nothing",
    "insert into walkforward_runs (status) values ('a') on conflict do nothing",
    'INSERT INTO "public"."walkforward_runs" ("status") VALUES (\'quoted names\')',
    "insert into walkforward_runs (status, created_at) values ('s', CURRENT_TIMESTAMP), ('t', transaction_timestamp()), "
    "('u', pg_catalog.now()), ('v', default)",
    "insert into walkforward_runs (serialized_config) values (E'a\\'b\\n;--'), ($$ it's; $$), ($q$ $$ $q$), (U&'\\00e4')",
    "insert /* a comment; */ into walkforward_runs (status) -- another;\n values ('x' /* nested /* ; */ */)",
    "insert into walkforward_runs (status) values ('it''s'\n' going on')",
    f"insert into simulation_runs (run_id, dataset_id, questdb_namespace, status) values ('{_RUN}', '{_DATASET}', 'n', 'ok')",
    "insert into simulation_runs (simulation_id, created_at) values (cast('6f1d0c1e-0000-4000-8000-000000000004' as uuid), "
    "timestamptz '2023-01-01 00:00:00+00')",
    f"insert into indicator_datasets (dataset_id, symbol, row_count, first_bar_ts) values ('{_DATASET}', 'AAPL', -0, "
    "'2023-01-03')",
    f"insert into indicator_datasets (dataset_id, row_count) values ('{_DATASET}', +5) "
    "on conflict (dataset_id) do update set row_count = excluded.row_count",
    "insert into stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, metadata, ohlcv_row_count) "
    "values ('6f1d0c1e-0000-4000-8000-000000000005', 'SPOOL-5', 'o', 'i', '{\"a\": [1]}'::pg_catalog.jsonb, 1.0::numeric(5,1))",
    "insert into stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, symbol) "
    "values ('6f1d0c1e-0000-4000-8000-000000000006', 'SPOOL-6', 'o', 'i', 'A'::varchar(10000))",
    "insert into walkforward_runs (status) values (null), (true::text), (cast(-1.5e3 as text)), ((-2)::text)",
    "insert into walkforward_runs (status) values ('{a,b}'::text[]), (array['x', 'y']::text[])",
    "insert into walkforward_runs (status) values (array['x'::text, 'y'::char(3)])",
    "insert into walkforward_runs (status) values ('1 day'::interval(3))",
    "insert into walkforward_runs (status) values (interval '1' day)",
    "insert into indicator_datasets (dataset_id, row_count) values ('6f1d0c1e-0000-4000-8000-000000000007', - 2::int) "
    "on conflict do nothing",
    "insert into walkforward_runs (status) values ('ünïcödé \U0001f600'), ('it is ; -- /* no comment */')",
]
