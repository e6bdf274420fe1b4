-- The newest bars of one symbol, or of every symbol where none is named; by symbol, the newest first.
-- The summary says which symbols there are and where each ends; from there the primary key is read backwards. Without
-- sorts, for the reason that fn_bars gives.
-- Raises: S1A02 argument invalid.
-- depends: check_page
create or replace function public.fn_latest_bars(
  p_symbol text default null,
  p_limit int default 1
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
  perform public.check_page(p_limit, 0);
  return query
  select b.*
  from public.market_bar_symbols as s
    cross join lateral (
      select k.*
      from public.market_bars_ohlcv_1m as k
      where k.symbol = s.symbol and k.ts <= s.last_ts
      order by k.ts desc
      limit p_limit
    ) as b
  where p_symbol is null or s.symbol = p_symbol
  order by s.symbol, b.ts desc;
end;
$function$;

comment on function public.fn_latest_bars(text, int) is
'The newest bars of a symbol, or of every symbol, newest first.';
