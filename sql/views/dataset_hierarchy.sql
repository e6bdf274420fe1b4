-- The lineage: dataset, its runs, their simulations. A level that has nothing below it is one row with nulls there.
-- Three branches, so that a condition on dataset_id reaches an index in each of them:
--   datasets with their runs and simulations; runs that name no dataset; simulations whose run is unknown.
-- A simulation of a known run stands under that run's dataset.
-- adopts: stage 1.3
create or replace view public.dataset_hierarchy as
select
  d.dataset_id,
  d.dataset_slug,
  d.symbol,
  d.granularity,
  d.ohlcv_measurement,
  d.indicator_measurement,
  r.run_id,
  r.prediction_measurement,
  r.serialized_config,
  s.simulation_id,
  s.questdb_namespace,
  s.status,
  d.kind,
  r.status as run_status,
  r.created_at as run_created_at,
  s.serialized_config as simulation_serialized_config,
  s.created_at as simulation_created_at
from public.stage1_datasets as d
  left join public.walkforward_runs as r on r.dataset_id = d.dataset_id
  left join public.simulation_runs as s on s.run_id = r.run_id
union all
select
  r.dataset_id,
  null,
  null,
  null,
  null,
  null,
  r.run_id,
  r.prediction_measurement,
  r.serialized_config,
  s.simulation_id,
  s.questdb_namespace,
  s.status,
  null,
  r.status as run_status,
  r.created_at as run_created_at,
  s.serialized_config as simulation_serialized_config,
  s.created_at as simulation_created_at
from public.walkforward_runs as r
  left join public.simulation_runs as s on s.run_id = r.run_id
where r.dataset_id is null
union all
select
  s.dataset_id,
  d.dataset_slug,
  d.symbol,
  d.granularity,
  d.ohlcv_measurement,
  d.indicator_measurement,
  s.run_id,
  null,
  null,
  s.simulation_id,
  s.questdb_namespace,
  s.status,
  d.kind,
  null,
  null,
  s.serialized_config as simulation_serialized_config,
  s.created_at as simulation_created_at
from public.simulation_runs as s
  left join public.stage1_datasets as d on d.dataset_id = s.dataset_id
where not exists (select 1 from public.walkforward_runs as r where r.run_id = s.run_id);

comment on view public.dataset_hierarchy is
'The lineage in one query: each dataset with its runs and their simulations; status is the simulation''s, run_status the run''s.';
