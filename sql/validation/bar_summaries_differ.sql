-- The summary is kept by the loading functions; whoever changes bars past them is found here.
-- Looks at the symbols of counted_bars: those that changed since the last validation, or by `set stage1.recount = 'all'` every
-- symbol, those without a summary row too. `fetch first` keeps bar_origins to one symbol at a time and, without an order of its own,
-- to the newest load of it.
-- depends: counted_bars bar_origins
create or replace view public.bar_summaries_differ as
select
  'bar_summaries_differ' as check_name,
  'error' as severity,
  c.symbol as subject,
  format(
    'the summary says %s bars from %s to %s, the last close %s, of %s; there are %s from %s to %s, the last close %s, of %s;'
    || ' undo what was done past the loading functions, or set the row of market_bar_symbols right',
    coalesce(s.bar_count, 0), coalesce(s.first_ts::text, 'nothing'), coalesce(s.last_ts::text, 'nothing'),
    coalesce(s.latest_close::text, 'none'),
    case when s.symbol is null then 'nobody' else format('%s %s, origin %s', s.vendor, s.dataset, s.origin) end,
    c.bar_count, coalesce(c.first_ts::text, 'nothing'), coalesce(c.last_ts::text, 'nothing'), coalesce(l.close::text, 'none'),
    case when o.symbol is null then 'no load' else format('%s %s, origin %s', o.vendor, o.dataset, o.origin) end
  ) as detail
from stage1_internal.counted_bars as c
left join public.market_bar_symbols as s on s.symbol = c.symbol
left join lateral (
  select k.close
  from public.market_bars_ohlcv_1m as k
  where k.symbol = c.symbol and k.ts = c.last_ts
  order by k.ts
  limit 1
) as l on true
left join lateral (
  select g.*
  from stage1_internal.bar_origins as g
  where g.symbol = c.symbol
  fetch first row only
) as o on true
where coalesce(s.bar_count, 0) <> c.bar_count
  or s.first_ts is distinct from c.first_ts
  or s.last_ts is distinct from c.last_ts
  or s.latest_close is distinct from l.close
  or (s.symbol is not null and o.symbol is not null and (
    s.vendor is distinct from o.vendor or s.dataset is distinct from o.dataset or s.origin is distinct from o.origin
  ));

comment on view public.bar_summaries_differ is
'Symbols whose summary row is not what a count of their bars says; those that changed since the last validation, or all.';
