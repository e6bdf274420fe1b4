-- Builds a catalog of a given size, for benchmarks/catalog.py and tests/plans: about one run and one simulation a
-- dataset, spread as in use, and in the same way at every size, so that sizes can be compared.
--
--   dataset i (0 was changed last)       | runs | simulations of a run
--   7 of every 1,000 … i % 1000 = 7      | 300  | every fourth run has 3
--   i % 10 = 1                           | 4    | and every fourth dataset, i % 4 = 2,
--   i % 10 in (2, 3, 4)                  | 1    | one simulation of a run that nobody knows
--
--   symbols: AAPL has 5 % of the datasets and a fifth of the runs; DORMANT 1 %, whose runs are older than everybody
--   else's; IDLE 1 %, without any run or simulation; RARE the one in the middle; some 500 others share the rest.
--
-- The rows lie in the table in an order that has nothing to do with any index, and triggers and foreign keys sleep
-- (session_replication_role), since the rows are right by construction; the caller analyses.
create or replace function pg_temp.build_catalog(p_datasets int)
  returns void
  language plpgsql
  set session_replication_role = replica
as $function$
declare
  v_now constant timestamptz := timestamptz '2024-07-01 12:00:00+00';
  v_middle constant int := p_datasets / 2 / 20 * 20 + 1;
  v_config constant text := repeat('{"window": 250, "step": 20, "model": "gradient_boosting", "features": ["rsi_14"]} ', 4);
begin
  insert into public.stage1_datasets (
    dataset_id, dataset_slug, symbol, granularity, source, ohlcv_measurement, indicator_measurement, ohlcv_row_count,
    indicator_row_count, ohlcv_first_ts, ohlcv_last_ts, indicator_first_ts, indicator_last_ts, metadata, created_at, updated_at
  )
  select
    md5('dataset ' || i)::uuid, format('%s-%s-1m', c.symbol, i), c.symbol, '1m', 'laptop_imgui', format('ohlcv_%s_1m', i),
    format('indicators_%s_1m', i), 98280 + i % 100, 98280, v_now - interval '400 days', v_now - interval '35 days',
    v_now - interval '400 days', v_now - interval '35 days', jsonb_build_object('exporter', '1.3', 'note', 'row ' || i),
    v_now - i * interval '30 seconds' - interval '30 days', v_now - i * interval '30 seconds'
  from generate_series(0, p_datasets - 1) as i
    cross join lateral (select case
        when i = v_middle then 'RARE'
        when i % 20 = 1 then 'AAPL'
        when i % 100 = 5 then 'IDLE'
        when i % 100 = 11 then 'DORMANT'
        else 'S' || i % 500
      end as symbol) as c
  order by hashint4(i);

  insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement, serialized_config, status, created_at)
  select
    md5(format('run %s %s', i, k))::uuid, md5('dataset ' || i)::uuid, format('predictions_%s_%s', i, k), v_config, 'completed',
    case when i % 100 = 11 and i <> v_middle then v_now - interval '10 years' else v_now end
      - i * interval '30 seconds' + k * interval '7 seconds'
  from generate_series(0, p_datasets - 1) as i
    cross join lateral generate_series(1, case
        when i % 1000 = 7 then 300
        when i % 10 = 1 then 4
        when i % 10 in (2, 3, 4) then 1
        else 0
      end) as k
  order by hashint4(i * 31 + k);

  insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace, serialized_config, status, created_at)
  select
    md5(format('simulation %s %s', r.run_id, k))::uuid, r.run_id, r.dataset_id, format('simulations_%s', k), v_config, 'completed',
    r.created_at + k * interval '3 seconds'
  from (select w.*, row_number() over (order by w.created_at, w.run_id) as place from public.walkforward_runs as w) as r
    cross join generate_series(1, 3) as k
  where r.place % 4 = 0
  order by hashtext(r.run_id::text || k);

  insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace, serialized_config, status, created_at)
  select
    md5('lone simulation ' || i)::uuid, md5('unknown run ' || i)::uuid, md5('dataset ' || i)::uuid, 'simulations_1', v_config,
    'completed', v_now - i * interval '30 seconds'
  from generate_series(2, p_datasets - 1, 4) as i
  order by hashint4(i);
end;
$function$;
