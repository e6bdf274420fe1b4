-- The bars that one load wrote and still owns; one page, by symbol and time.
-- Each symbol's bars are a range of the primary key, which data_ingest_symbols knows; an index on the ingest's id would
-- cost every load a sixth. Without sorts, for the reason that fn_bars gives.
-- Raises: S1A02 argument invalid, S1I07 ingest not found.
-- depends: check_page fn_show_ingest
create or replace function public.fn_ingest_bars(
  p_ingest_id bigint,
  p_limit int default 50,
  p_offset int default 0
)
  returns setof public.market_bars_ohlcv_1m
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set enable_sort = off
  set jit = off
as $function$
begin
  perform public.check_page(p_limit, p_offset);
  perform public.fn_show_ingest(p_ingest_id);
  return query
  select b.*
  from public.data_ingest_symbols as i
    cross join lateral (
      select k.*
      from public.market_bars_ohlcv_1m as k
      where k.symbol = i.symbol and k.ts between i.first_ts and i.last_ts and k.ingestion_run_id = p_ingest_id
      order by k.ts
      limit p_limit::bigint + p_offset
    ) as b
  where i.ingest_id = p_ingest_id and i.inserted_count + i.changed_count > 0
  order by i.symbol, b.ts
  limit p_limit offset p_offset;
end;
$function$;

comment on function public.fn_ingest_bars(bigint, int, int) is
'The bars that one load wrote and still owns, one page by symbol and time.';
