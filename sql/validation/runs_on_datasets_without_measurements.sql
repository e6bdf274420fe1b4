-- A walk-forward run cannot be loaded again without both measurements of its dataset.
create or replace view public.runs_on_datasets_without_measurements as
select
  'runs_on_datasets_without_measurements' as check_name,
  'error' as severity,
  r.run_id::text as subject,
  format('the run uses dataset %s, which lacks a measurement; upsert it with upsert_stage1_dataset', d.dataset_slug) as detail
from public.walkforward_runs as r
  inner join public.stage1_datasets as d on d.dataset_id = r.dataset_id
where d.kind = 'triplet' and (d.ohlcv_measurement = '' or d.indicator_measurement = '');

comment on view public.runs_on_datasets_without_measurements is
'Walk-forward runs whose dataset lacks a measurement.';
