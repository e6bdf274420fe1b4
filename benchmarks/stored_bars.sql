-- Stores the bars of many symbols as one load of long ago would have left them, quicker than any load.
create or replace function pg_temp.store_bars(p_first int, p_last int, p_each int)
  returns void
  language plpgsql
as $function$
declare
  v_start constant timestamptz := timestamptz '2020-01-01 00:00:00+00';
begin
  perform stage1_internal.ensure_bar_partitions(v_start, v_start + (p_each + 10000) * interval '1 minute');
  insert into public.market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
  select
    format('S%s', to_char(s, 'FM000')), v_start + m * interval '1 minute', 1577836800000 + m * 60000::bigint,
    4000 + (m + s) % 400 * 0.25, 4001 + (m + s) % 400 * 0.25, 3999 + (m + s) % 400 * 0.25, 4000 + (m + s) % 400 * 0.25,
    (m * 7919 + s) % 5000, 1
  from generate_series(p_first, p_last) as s
  cross join generate_series(0, p_each - 1) as m;
end;
$function$;

create or replace function pg_temp.store_summaries(p_symbols int, p_each int)
  returns void
  language plpgsql
as $function$
declare
  v_start constant timestamptz := timestamptz '2020-01-01 00:00:00+00';
  v_end constant timestamptz := v_start + (p_each - 1) * interval '1 minute';
begin
  insert into public.data_ingest_runs (
    id, vendor, dataset, file_name, file_sha256, row_count, inserted_count, min_ts, max_ts, status, finished_at, loaded_at
  ) values (
    1, 'databento', 'GLBX.MDP3', 'history.dbn.zst', repeat('0', 64), p_symbols::bigint * p_each, p_symbols::bigint * p_each, v_start, v_end,
    'success', now(), now()
  );
  perform setval(pg_get_serial_sequence('public.data_ingest_runs', 'id'), 1);
  insert into public.data_ingest_symbols (
    ingest_id, symbol, row_count, inserted_count, updated_count, changed_count, first_ts, last_ts, version
  )
  select 1, format('S%s', to_char(s, 'FM000')), p_each, p_each, 0, 0, v_start, v_end, 1
  from generate_series(1, p_symbols) as s;
  insert into public.market_bar_symbols (
    symbol, vendor, dataset, origin, bar_count, first_ts, last_ts, latest_close, version
  )
  select
    format('S%s', to_char(s, 'FM000')), 'databento', 'GLBX.MDP3', 'vendor', p_each, v_start, v_end, 4000 + (p_each - 1 + s) % 400 * 0.25, 1
  from generate_series(1, p_symbols) as s;
end;
$function$;
