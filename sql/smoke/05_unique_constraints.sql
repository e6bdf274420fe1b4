-- Insert a run for an existing dataset and ensure the unique constraint blocks duplicate prediction_measurement.
\set ON_ERROR_STOP on
\set QUIET on
begin isolation level repeatable read;
set local lock_timeout = '5s';
do $smoke$
declare
  v_id uuid := gen_random_uuid();
  v_slug text := 'smoke-' || v_id::text;
  v_run uuid := gen_random_uuid();
begin
  perform public.upsert_stage1_dataset(
    v_id, v_slug, null, null, null, 'smoke', 'smoke', null, null, null, null, null, null, null
  );
  insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement) values (v_run, v_id, 'smoke');
  begin
    insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement) values (gen_random_uuid(), v_id, 'smoke');
    raise exception 'a second run of the same prediction_measurement was accepted';
  exception
    when unique_violation then null;
  end;
  insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace)
  values (gen_random_uuid(), v_run, v_id, 'smoke');
  begin
    insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace)
    values (gen_random_uuid(), v_run, v_id, 'smoke');
    raise exception 'a second simulation of the same namespace was accepted';
  exception
    when unique_violation then null;
  end;
  if (select count(*) from public.dataset_hierarchy as h where h.dataset_id = v_id and h.run_id = v_run and h.questdb_namespace = 'smoke') <> 1
  then
    raise exception 'dataset_hierarchy does not show the run and its simulation once';
  end if;
  if not exists (
    select 1
    from public.fn_list_runs(1, 0, v_id) as r
    where r.run_id = v_run and r.dataset_slug = v_slug and r.ohlcv_measurement = 'smoke' and r.indicator_measurement = 'smoke'
  ) then
    raise exception 'fn_list_runs does not give the run with its dataset''s slug and measurements';
  end if;
end;
$smoke$;
rollback;
\echo 'ok  a second run of one prediction_measurement and a second simulation of one namespace are refused; lineage and list show the first'
