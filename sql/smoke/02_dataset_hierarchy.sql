-- SELECT * FROM dataset_hierarchy LIMIT 5;
\set ON_ERROR_STOP on
\set QUIET on
begin isolation level repeatable read;
set local lock_timeout = '5s';
do $smoke$
declare
  v_rows bigint;
  v_columns text[];
  v_missing text;
begin
  select count(*) into v_rows from (select * from public.dataset_hierarchy limit 5) as h;
  if v_rows = 0 and exists (select 1 from public.stage1_datasets) then
    raise exception 'dataset_hierarchy is empty, expected at least a row for each dataset';
  end if;
  select array_agg(a.attname::text) into v_columns
  from pg_catalog.pg_attribute as a
  where a.attrelid = 'public.dataset_hierarchy'::regclass and a.attnum > 0;
  select string_agg(c, ', ') into v_missing
  from unnest(array['dataset_slug', 'ohlcv_measurement', 'indicator_measurement', 'run_id', 'prediction_measurement',
    'serialized_config', 'simulation_id', 'questdb_namespace', 'status']) as c
  where c <> all (v_columns);
  if v_missing is not null then
    raise exception 'dataset_hierarchy lacks %', v_missing;
  end if;
end;
$smoke$;
rollback;
\echo 'ok  dataset_hierarchy answers with every column of the lineage'
