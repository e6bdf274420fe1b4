-- A triplet names both measurements. A legacy row lacks its OHLCV measurement until the desktop client upserts it.
create or replace view public.datasets_without_measurements as
select
  'datasets_without_measurements' as check_name,
  'warning' as severity,
  d.dataset_slug as subject,
  case
    when d.ohlcv_measurement = '' and d.indicator_measurement = '' then 'neither the OHLCV nor the indicator measurement is known'
    when d.ohlcv_measurement = '' then 'the OHLCV measurement is not known'
    else 'the indicator measurement is not known'
  end || '; upsert the dataset with upsert_stage1_dataset' as detail
from public.stage1_datasets as d
where d.kind = 'triplet' and (d.ohlcv_measurement = '' or d.indicator_measurement = '');

comment on view public.datasets_without_measurements is
'Triplets that lack a measurement.';
