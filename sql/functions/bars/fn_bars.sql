-- The bars of a symbol from p_from until before p_until, in the order of time; a null end is open, a null limit is none.
-- plpgsql with custom plans: the times choose the partitions, and a null takes its condition out of the plan. Without
-- sorts: the primary key has the order, and a sort of what the planner takes for few rows reads them all for the first.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted.
create or replace function public.fn_bars(
  p_symbol text,
  p_from timestamptz default null,
  p_until timestamptz default null,
  p_limit bigint default null
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
  if p_symbol is null then
    raise exception using errcode = 'S1A01',
      message = 'p_symbol was null; a symbol was expected.',
      hint = 'select symbol from public.fn_list_bar_stats() lists the symbols.';
  end if;
  if p_until < p_from then
    raise exception using errcode = 'S1A03',
      message = format('p_until was %s, before p_from, %s.', p_until, p_from),
      hint = 'Pass the time of the first bar, and the time before which the last one lies.';
  end if;
  if p_limit < 1 then
    raise exception using errcode = 'S1A02',
      message = format('p_limit was %s; it is 1 or more, or null for every bar.', p_limit),
      hint = 'Read further bars from the time of the last one.';
  end if;
  return query
  select b.*
  from public.market_bars_ohlcv_1m as b
  where b.symbol = p_symbol
    and (p_from is null or b.ts >= p_from)
    and (p_until is null or b.ts < p_until)
  order by b.ts
  limit p_limit;
end;
$function$;

comment on function public.fn_bars(text, timestamptz, timestamptz, bigint) is
'The bars of a symbol in [p_from, p_until), in the order of time.';
