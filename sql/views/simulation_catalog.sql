-- One row per simulation with the slug and both measurements of its dataset, and the predictions of its run.
-- A simulation without a dataset_id, or of an unknown run, is here, too; the columns that nobody knows are null.
create or replace view public.simulation_catalog as
select
  s.simulation_id,
  s.run_id,
  s.dataset_id,
  d.dataset_slug,
  d.symbol,
  d.granularity,
  d.ohlcv_measurement,
  d.indicator_measurement,
  r.prediction_measurement,
  s.questdb_namespace,
  s.status,
  s.serialized_config,
  s.created_at
from public.simulation_runs as s
  left join public.stage1_datasets as d on d.dataset_id = s.dataset_id
  left join public.walkforward_runs as r on r.run_id = s.run_id;

comment on view public.simulation_catalog is
'One row per simulation: what is needed to load it, with the slug and both measurements of its dataset.';
