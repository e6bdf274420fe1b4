-- What a desktop client writes after it used a dataset: a walk-forward run, and two simulations of its predictions.
-- Running it again changes nothing.
\set ON_ERROR_STOP on

insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement, serialized_config, status)
select
  '5f0c1a52-0000-4000-8000-000000000001',
  d.dataset_id,
  'pred_demo_aapl_2023_1m',
  '{"train_days": 60, "test_days": 5}',
  'completed'
from public.stage1_datasets as d
where d.dataset_slug = 'DEMO-AAPL-2023-1m'
on conflict (run_id) do nothing;

insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace, serialized_config, status)
select
  s.simulation_id::uuid,
  r.run_id,
  r.dataset_id,
  s.questdb_namespace,
  s.serialized_config,
  'completed'
from public.walkforward_runs as r
cross join (
  values
    ('5f0c1a52-0000-4000-8000-000000000011', 'sim_demo_long_only', '{"side": "long"}'),
    ('5f0c1a52-0000-4000-8000-000000000012', 'sim_demo_both_sides', '{"side": "both"}')
) as s (simulation_id, questdb_namespace, serialized_config)
where r.run_id = '5f0c1a52-0000-4000-8000-000000000001'
on conflict (simulation_id) do nothing;
