-- Adds the indexes that the catalog's lists are read by, and the triggers that keep updated_at and created_at.
--
-- Lists are newest first with the id as tie breaker; an ascending index is read backwards for them and is half the
-- size of a descending one that is filled in time order. (dataset_id, created_at, id) serves a dataset's list, its
-- count and its lineage. (symbol, dataset_id) lets a list of one symbol's runs find its datasets in the index alone.
--
-- Locks: share on the four tables while their indexes are built (reads go on, writes wait), share row exclusive on
-- the tables for their triggers. Duration: about 1 s a million rows and index.
-- depends: 0001_adopt_stage1_3_tables

create index if not exists idx_stage1_datasets_measurements
on public.stage1_datasets (ohlcv_measurement, indicator_measurement);

create index if not exists idx_stage1_datasets_updated
on public.stage1_datasets (updated_at, dataset_id);

create index if not exists idx_stage1_datasets_symbol
on public.stage1_datasets (symbol, dataset_id);

create index if not exists idx_walkforward_runs_created
on public.walkforward_runs (created_at, run_id);

create index if not exists idx_walkforward_runs_dataset
on public.walkforward_runs (dataset_id, created_at, run_id);

create index if not exists idx_simulation_runs_created
on public.simulation_runs (created_at, simulation_id);

create index if not exists idx_simulation_runs_dataset
on public.simulation_runs (dataset_id, created_at, simulation_id);

create function stage1_internal.stamp_dataset_v1()
  returns trigger
  language plpgsql
  set search_path = ''
as $function$
begin
  -- The source's column took nulls, so a client may write one: it means the same as an empty object.
  new.metadata := coalesce(new.metadata, '{}');
  if tg_op = 'UPDATE' then
    new.updated_at := now();
  end if;
  return new;
end;
$function$;

comment on function stage1_internal.stamp_dataset_v1() is
'Trigger: keeps updated_at of a dataset at its last change, and its metadata an object.';

revoke execute on function stage1_internal.stamp_dataset_v1() from public;

create trigger stage1_datasets_stamp
before insert or update on public.stage1_datasets
for each row execute function stage1_internal.stamp_dataset_v1();

create function stage1_internal.fill_created_at_v1()
  returns trigger
  language plpgsql
  set search_path = ''
as $function$
begin
  new.created_at := now();
  return new;
end;
$function$;

comment on function stage1_internal.fill_created_at_v1() is
'Trigger: a client of before may write a null created_at, where lists need a time to be ordered by.';

revoke execute on function stage1_internal.fill_created_at_v1() from public;

create trigger indicator_datasets_fill_created_at
before insert or update on public.indicator_datasets
for each row when (new.created_at is null) execute function stage1_internal.fill_created_at_v1();

create trigger walkforward_runs_fill_created_at
before insert or update on public.walkforward_runs
for each row when (new.created_at is null) execute function stage1_internal.fill_created_at_v1();

create trigger simulation_runs_fill_created_at
before insert or update on public.simulation_runs
for each row when (new.created_at is null) execute function stage1_internal.fill_created_at_v1();
