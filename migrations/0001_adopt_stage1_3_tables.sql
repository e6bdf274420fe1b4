-- Brings the Stage 1.3 tables and stage1_datasets into being, or adopts the ones that stand in public already.
--
-- What can refuse an existing deployment is looked at here, before anything is changed. Each table is written once,
-- whole, as plain DDL into stage1_internal.<table>__shape: where public has no such table the shape is moved there;
-- where it has one, the table is compared with the shape and completed. Columns, indexes, constraints and grants of its
-- own stay.
--
-- Locks: access exclusive on existing tables of these names, from the first statement to the commit.
-- Duration: milliseconds on an empty database; about 2 s a million rows where unique constraints are built here
-- (here, so that a duplicate is refused before the next files do their work), and as much again where an integer
-- column is widened to bigint, which rewrites its table.
-- Raises: S1M06 adoption refused, S1M07 duplicate rows.
-- drops: dataset_catalog dataset_hierarchy fn_list_datasets fn_list_runs fn_list_simulations upsert_stage1_dataset

create table stage1_internal.indicator_datasets__shape (
  dataset_id uuid not null primary key,
  symbol text,
  granularity text,
  source text,
  questdb_tag text,
  row_count bigint,
  first_bar_ts timestamptz,
  last_bar_ts timestamptz,
  created_at timestamptz not null default now()
);
comment on table stage1_internal.indicator_datasets__shape is
'Stage 1.3: one row per indicator table that a client of before wrote to QuestDB; its parent row in stage1_datasets is kept by triggers.';

create table stage1_internal.walkforward_runs__shape (
  run_id uuid not null default gen_random_uuid() primary key,
  dataset_id uuid,
  prediction_measurement text,
  serialized_config text,
  status text,
  created_at timestamptz not null default now(),
  constraint walkforward_runs_dataset_measurement_uq unique (dataset_id, prediction_measurement)
);
comment on table stage1_internal.walkforward_runs__shape is
'Stage 1.3: one row per walk-forward run on a dataset.';

create table stage1_internal.simulation_runs__shape (
  simulation_id uuid not null default gen_random_uuid() primary key,
  run_id uuid,
  dataset_id uuid,
  questdb_namespace text,
  serialized_config text,
  status text,
  created_at timestamptz not null default now(),
  constraint simulation_runs_run_namespace_uq unique (run_id, questdb_namespace)
);
comment on table stage1_internal.simulation_runs__shape is
'Stage 1.3: one row per simulation; run_id names the walk-forward run it used, which may be unknown.';

create table stage1_internal.stage1_datasets__shape (
  dataset_id uuid not null primary key,
  dataset_slug text not null unique,
  symbol text,
  granularity text,
  source text default 'laptop_imgui',
  ohlcv_measurement text not null,
  indicator_measurement text not null,
  ohlcv_row_count bigint default 0,
  indicator_row_count bigint default 0,
  ohlcv_first_ts timestamptz,
  ohlcv_last_ts timestamptz,
  indicator_first_ts timestamptz,
  indicator_last_ts timestamptz,
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  kind text not null default 'triplet',
  constraint stage1_datasets_kind_known check (kind in ('triplet', 'bars', 'examples')),
  constraint stage1_datasets_metadata_is_object check (jsonb_typeof(metadata) = 'object')
);
comment on table stage1_internal.stage1_datasets__shape is
'The catalog: one row per dataset, naming its OHLCV and indicator measurements; the root of every run''s lineage.';
comment on column stage1_internal.stage1_datasets__shape.ohlcv_measurement is
'The QuestDB table of the bars; an empty string means that it is not known yet.';
comment on column stage1_internal.stage1_datasets__shape.indicator_measurement is
'The QuestDB table of the indicators; an empty string means that it is not known yet.';
comment on column stage1_internal.stage1_datasets__shape.kind is
'triplet: both measurements are expected. bars: derived here, without QuestDB tables. examples: a versioned set of examples.';

do $adopt$
declare
  v_tables constant text[] := array['indicator_datasets', 'walkforward_runs', 'simulation_runs', 'stage1_datasets'];
  v_table text;
  v_count bigint;
begin
  -- Locked whole before the first look, so that nothing slips between the checks and the constraints.
  foreach v_table in array v_tables loop
    if exists (select 1 from pg_catalog.pg_class as c
      where c.oid = to_regclass(format('public.%I', v_table)) and c.relkind in ('r', 'p')) then
      execute format('lock table public.%I in access exclusive mode', v_table);
    end if;
  end loop;
  -- A stage1_datasets that somebody made by hand may hold metadata that is not an object: it is kept inside one.
  if exists (select 1 from pg_catalog.pg_attribute as a join pg_catalog.pg_class as c on c.oid = a.attrelid and c.relkind = 'r'
    where a.attrelid = to_regclass('public.stage1_datasets') and a.attname = 'metadata' and a.atttypid = 'jsonb'::regtype) then
    execute $sql$update public.stage1_datasets set metadata = jsonb_build_object('legacy_metadata', metadata)
      where jsonb_typeof(metadata) <> 'object'$sql$;
    get diagnostics v_count = row_count;
    if v_count > 0 then
      raise warning 'public.stage1_datasets: rows whose metadata was not an object and is kept under legacy_metadata: %', v_count;
    end if;
  end if;
  perform stage1_internal.refuse_adoption_v1(v_tables);
  foreach v_table in array v_tables loop
    perform stage1_internal.adopt_table_v1(v_table);
  end loop;
end;
$adopt$;
