-- One row per walk-forward run with the slug and both measurements of its dataset, and the number of its simulations.
-- A run without a dataset_id is here, too; its dataset's columns are null.
create or replace view public.run_catalog as
select
  r.run_id,
  r.dataset_id,
  d.dataset_slug,
  d.symbol,
  d.granularity,
  d.ohlcv_measurement,
  d.indicator_measurement,
  r.prediction_measurement,
  r.status,
  r.serialized_config,
  (select count(*) from public.simulation_runs as s where s.run_id = r.run_id) as simulation_count,
  r.created_at
from public.walkforward_runs as r
  left join public.stage1_datasets as d on d.dataset_id = r.dataset_id;

comment on view public.run_catalog is
'One row per walk-forward run: what is needed to load it, with the slug and both measurements of its dataset.';
