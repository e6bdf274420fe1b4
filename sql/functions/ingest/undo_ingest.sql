-- Removes the bars that an ingest wrote and still owns, corrects the summary, and keeps the audit row, marked as undone.
-- A symbol is then of the vendor dataset and origin that bar_origins says: those of the newest load of it that stands.
-- Bars that it rewrote are removed, too: their earlier values are gone, and details.removed_rewritten says how many; the
-- earlier file brings them back. Undone again, it answers the same and does nothing. A failed load, or one that died, is
-- marked: somebody took note of it.
-- Locks: the row of the ingest, then its symbols' rows of market_bar_symbols in order, as a load does.
-- Security definer: nobody but the owner writes bars, summary and audit trail.
-- Raises: S1I07 ingest not found, S1I09 ingest state.
-- depends: bar_origins
create or replace function public.undo_ingest(
  p_ingest_id bigint
)
  returns setof public.data_ingest_runs
  language plpgsql
  security definer
  rows 1
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
declare
  v_seen text;
  v_run public.data_ingest_runs;
  v_span public.data_ingest_symbols;
  v_origin stage1_internal.bar_origins;
  v_version bigint;
  v_left bigint;
  v_removed bigint;
  v_rewritten bigint;
  v_removed_of_all bigint := 0;
  v_rewritten_of_all bigint := 0;
begin
  select r.status into v_seen from public.data_ingest_runs as r where r.id = p_ingest_id;
  if not found then
    raise exception using errcode = 'S1I07',
      message = format('p_ingest_id was %s; there is no ingest of that id.', coalesce(p_ingest_id::text, 'null')),
      hint = 'select id, file_name, status from public.fn_list_ingests() lists them.';
  end if;
  -- A load that lives holds its row; the others are waited for.
  if v_seen = 'running' then
    select r.* into v_run from public.data_ingest_runs as r where r.id = p_ingest_id for no key update skip locked;
  else
    select r.* into v_run from public.data_ingest_runs as r where r.id = p_ingest_id for no key update;
  end if;
  if v_run.status is distinct from v_seen then
    raise exception using errcode = 'S1I09',
      message = format('Ingest %s is being loaded.', p_ingest_id),
      hint = 'Wait for the end of the load, or end its process, and undo it then.';
  end if;
  if v_run.undone_at is not null then
    return next v_run;
    return;
  end if;

  perform 1
  from public.market_bar_symbols as s
  where s.symbol in (select i.symbol from public.data_ingest_symbols as i where i.ingest_id = p_ingest_id)
  order by s.symbol
  for update;
  -- First, so that bar_origins knows it.
  update public.data_ingest_runs as r set undone_at = clock_timestamp() where r.id = p_ingest_id;
  -- One symbol after the other: its bars are a range of the primary key.
  for v_span in
    select i.*
    from public.data_ingest_symbols as i
    where i.ingest_id = p_ingest_id and (i.inserted_count + i.changed_count > 0 or i.replaced_origin)
    order by i.symbol
  loop
    with gone as (
      delete from public.market_bars_ohlcv_1m as b
      where b.symbol = v_span.symbol and b.ts between v_span.first_ts and v_span.last_ts and b.ingestion_run_id = p_ingest_id
      returning b.created_at
    )
    select count(*), count(*) filter (where g.created_at is distinct from v_run.loaded_at) into v_removed, v_rewritten
    from gone as g;
    v_removed_of_all := v_removed_of_all + v_removed;
    v_rewritten_of_all := v_rewritten_of_all + v_rewritten;

    select o.* into v_origin from stage1_internal.bar_origins as o where o.symbol = v_span.symbol;
    update public.market_bar_symbols as s
    set vendor = coalesce(v_origin.vendor, s.vendor),
      dataset = coalesce(v_origin.dataset, s.dataset),
      origin = coalesce(v_origin.origin, s.origin),
      bar_count = s.bar_count - v_removed,
      first_ts = (select b.ts from public.market_bars_ohlcv_1m as b where b.symbol = v_span.symbol order by b.ts limit 1),
      last_ts = (select b.ts from public.market_bars_ohlcv_1m as b where b.symbol = v_span.symbol order by b.ts desc limit 1),
      latest_close = (select b.close from public.market_bars_ohlcv_1m as b where b.symbol = v_span.symbol order by b.ts desc limit 1),
      version = s.version + 1,
      updated_at = clock_timestamp()
    where s.symbol = v_span.symbol and (
      v_removed > 0
      or (s.vendor, s.dataset, s.origin) is distinct from (
        coalesce(v_origin.vendor, s.vendor), coalesce(v_origin.dataset, s.dataset), coalesce(v_origin.origin, s.origin)
      )
    )
    returning s.version, s.bar_count into v_version, v_left;
    continue when not found or v_removed = 0;
    update public.data_ingest_symbols as i
    set undone_version = v_version
    where i.ingest_id = p_ingest_id and i.symbol = v_span.symbol;
    if v_left = 0 then
      delete from public.market_bar_symbols as s where s.symbol = v_span.symbol;
    end if;
  end loop;

  return query
  update public.data_ingest_runs as r
  set removed_count = v_removed_of_all,
    details = r.details || jsonb_build_object('removed_rewritten', v_rewritten_of_all),
    status = case v_seen when 'running' then 'failed' else r.status end,
    error = case v_seen when 'running' then 'undone: the load ended without a word' else r.error end,
    finished_at = coalesce(r.finished_at, clock_timestamp())
  where r.id = p_ingest_id
  returning r.*;
end;
$function$;

comment on function public.undo_ingest(bigint) is
'Removes the bars that an ingest wrote and still owns, corrects the summary and marks the audit row as undone.';
