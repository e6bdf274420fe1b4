-- Run the validation checks and confirm that the new dataset checks see what they are for.
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
    v_id, v_slug, null, null, null, '', 'smoke', null, null, null, null, null, null, null
  );
  insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement) values (v_run, v_id, 'smoke');
  if not exists (select 1 from public.datasets_without_measurements as c where c.subject = v_slug) then
    raise exception 'datasets_without_measurements does not report a dataset that lacks its OHLCV measurement';
  end if;
  if not exists (select 1 from public.runs_on_datasets_without_measurements as c where c.subject = v_run::text) then
    raise exception 'runs_on_datasets_without_measurements does not report a run on such a dataset';
  end if;
  perform public.upsert_stage1_dataset(
    v_id, v_slug, null, null, null, 'smoke', 'smoke', null, null, null, null, null, null, null
  );
  if exists (select 1 from public.datasets_without_measurements as c where c.subject = v_slug)
    or exists (select 1 from public.runs_on_datasets_without_measurements as c where c.subject = v_run::text) then
    raise exception 'a check reports a dataset that has both measurements';
  end if;
end;
$smoke$;
rollback;
\echo 'ok  the checks report a dataset without measurements, its runs, and neither once both are known'
\echo
\echo 'What the checks report of this database (no row = healthy):'
select split_part(v.check_view, '.', 2) as check_name, v.severity, v.findings, v.example
from stage1_internal.validation_summary() as v;
