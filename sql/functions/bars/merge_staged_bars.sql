-- Moves the chunk in pg_temp.staged_bars into market_bars_ohlcv_1m: what is new is inserted, what differs is rewritten,
-- what is equal stays untouched. Returns what it counted; the staging table is empty afterwards.
-- Where no bar of these symbols exists in their windows, a plain insert. Else one hash join with the bars between the
-- chunk's first and last minute, by which partitions are pruned: merge and nested loop joins and sorts are off, because
-- the planner knows nothing of partitions that nobody has analysed. `order by .. limit 1` makes the probe a look into the
-- primary key. Custom plans without JIT: the times prune partitions while planning, and a chunk is short.
-- Locks: none but those of open_bar_load and of the rows it writes.
-- Security definer: only the loading functions write bars.
-- Raises: S1I04 symbol unknown, S1I09 ingest state.
-- depends: opened_bar_load
create or replace function stage1_internal.merge_staged_bars(
  p_ingest_id bigint
)
  returns table (
    staged bigint,
    inserted bigint,
    updated bigint,
    changed bigint
  )
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan
  set enable_mergejoin = off
  set enable_nestloop = off
  set enable_sort = off
  set work_mem = '64MB'
  set jit = off
as $function$
declare
  v_opened constant text[] := stage1_internal.opened_bar_load(p_ingest_id);
  v_vendor text;
  v_symbols text[];
  v_firsts integer[];
  v_lasts integer[];
  v_from timestamptz;
  v_until timestamptz;
  v_stranger text;
  v_met boolean;
begin
  inserted := 0;
  updated := 0;
  changed := 0;
  with chunk as (
    insert into pg_temp.staged_symbols as g (symbol, staged, first_minute, last_minute)
    select t.symbol, count(*), min(t.minute), max(t.minute) from pg_temp.staged_bars as t group by t.symbol
    returning g.symbol, g.staged, g.first_minute, g.last_minute
  )
  select
    array_agg(c.symbol), array_agg(c.first_minute), array_agg(c.last_minute), coalesce(sum(c.staged), 0),
    to_timestamp(min(c.first_minute)::double precision * 60), to_timestamp(max(c.last_minute)::double precision * 60)
    into v_symbols, v_firsts, v_lasts, staged, v_from, v_until
  from chunk as c;
  if staged = 0 then
    return next;
    return;
  end if;
  select g.symbol into v_stranger
  from (
    select u.symbol collate "C" as symbol from unnest(v_symbols) as u (symbol)
    except
    select o.symbol collate "C" from unnest(v_opened) as o (symbol)
  ) as g
  order by g.symbol
  limit 1;
  if found then
    raise exception using errcode = 'S1I04',
      message = format('%s was staged, and ingest %s did not name it when it opened its load.', v_stranger, p_ingest_id),
      hint = 'Pass every symbol of the file to open_bar_load: it locks them all, in order.';
  end if;
  select r.vendor into v_vendor from public.data_ingest_runs as r where r.id = p_ingest_id;

  select exists (
    select 1
    from unnest(v_symbols, v_firsts, v_lasts) as g (symbol, first_minute, last_minute)
    where (
      select b.ts from public.market_bars_ohlcv_1m as b
      where b.symbol = g.symbol and b.ts between v_from and v_until
        and b.ts >= to_timestamp(g.first_minute::double precision * 60) and b.ts <= to_timestamp(g.last_minute::double precision * 60)
      order by b.ts
      limit 1
    ) is not null
  ) into v_met;

  if not v_met then
    insert into public.market_bars_ohlcv_1m (
      vendor, schema, symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id, created_at
    )
    select
      v_vendor, 'ohlcv-1m', t.symbol, to_timestamp(t.minute::double precision * 60), t.minute::bigint * 60000,
      t.open, t.high, t.low, t.close, t.volume, p_ingest_id, now()
    from pg_temp.staged_bars as t;
    get diagnostics inserted = row_count;
  else
    with met as (
      insert into pg_temp.staged_symbols as g (symbol, updated, changed)
      select t.symbol, count(*), count(*) filter (
          where (b.open, b.high, b.low, b.close, b.volume) is distinct from (t.open, t.high, t.low, t.close, t.volume)
        )
      from pg_temp.staged_bars as t
      inner join public.market_bars_ohlcv_1m as b on b.symbol = t.symbol and b.ts = to_timestamp(t.minute::double precision * 60)
      where b.symbol = any (v_symbols) and b.ts between v_from and v_until
      group by t.symbol
      returning g.updated, g.changed
    )
    select coalesce(sum(m.updated), 0), coalesce(sum(m.changed), 0) into updated, changed from met as m;
    if changed > 0 then
      update public.market_bars_ohlcv_1m as b
      set open = t.open, high = t.high, low = t.low, close = t.close, volume = t.volume,
        ingestion_run_id = p_ingest_id, vendor = v_vendor
      from pg_temp.staged_bars as t
      where b.symbol = t.symbol and b.ts = to_timestamp(t.minute::double precision * 60)
        and b.symbol = any (v_symbols) and b.ts between v_from and v_until
        and (b.open, b.high, b.low, b.close, b.volume) is distinct from (t.open, t.high, t.low, t.close, t.volume);
    end if;
    if updated < staged then
      insert into public.market_bars_ohlcv_1m (
        vendor, schema, symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id, created_at
      )
      select
        v_vendor, 'ohlcv-1m', t.symbol, to_timestamp(t.minute::double precision * 60), t.minute::bigint * 60000,
        t.open, t.high, t.low, t.close, t.volume, p_ingest_id, now()
      from pg_temp.staged_bars as t
      where not exists (
        select 1 from public.market_bars_ohlcv_1m as b
        where b.symbol = t.symbol and b.ts = to_timestamp(t.minute::double precision * 60)
          and b.symbol = any (v_symbols) and b.ts between v_from and v_until
      );
      get diagnostics inserted = row_count;
    end if;
  end if;
  truncate pg_temp.staged_bars;
  return next;
end;
$function$;

comment on function stage1_internal.merge_staged_bars(bigint) is
'Merges the staged chunk into the bars and returns how many rows were staged, inserted, met and rewritten.';
