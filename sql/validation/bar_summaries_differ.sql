-- The summary is kept by the loading functions; whoever changes bars past them is found here.
-- Counts the bars of symbols that were changed within two days, up to about a million bars; with
-- `set stage1.deep = on` (`stage1 validate --deep`) those of every symbol, and symbols without a summary row.
-- depends: symbols_to_recount
create or replace view public.bar_summaries_differ as
select
  'bar_summaries_differ' as check_name,
  'error' as severity,
  w.symbol as subject,
  format(
    'the summary says %s bars from %s to %s, the last close %s; there are %s from %s to %s, the last close %s;'
    || ' undo what was done past the loading functions, or set the row of market_bar_symbols right',
    coalesce(s.bar_count, 0), coalesce(s.first_ts::text, 'nothing'), coalesce(s.last_ts::text, 'nothing'),
    coalesce(s.latest_close::text, 'none'),
    c.bar_count, coalesce(c.first_ts::text, 'nothing'), coalesce(c.last_ts::text, 'nothing'), coalesce(l.close::text, 'none')
  ) as detail
from stage1_internal.symbols_to_recount as w
left join public.market_bar_symbols as s on s.symbol = w.symbol
cross join lateral (
  select
    count(*) as bar_count,
    min(k.ts) as first_ts,
    max(k.ts) as last_ts
  from public.market_bars_ohlcv_1m as k
  where k.symbol = w.symbol
) as c
left join lateral (
  select k.close
  from public.market_bars_ohlcv_1m as k
  where k.symbol = w.symbol and k.ts = c.last_ts
  order by k.ts
  limit 1
) as l on true
where s.bar_count is distinct from c.bar_count
  or s.first_ts is distinct from c.first_ts
  or s.last_ts is distinct from c.last_ts
  or s.latest_close is distinct from l.close;

comment on view public.bar_summaries_differ is
'Symbols whose summary row is not what a count of their bars says; recently changed ones, or all where stage1.deep is on.';
