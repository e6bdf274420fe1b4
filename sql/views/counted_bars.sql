-- How many bars there really are of each symbol that is to be counted again, from when to when.
-- After an ordinary night the bars beyond what was last found right are counted alone; all of the symbol's are where that and the
-- summary do not agree, or where bars were filled in or removed since between those that were right: the sum would trust the old
-- count, and agree with a summary that never heard of them. An old bar that somebody deletes by hand is found by a count of all
-- bars alone. The ends come from the primary key. A range with two bounds is what makes the planner expect few rows and
-- take the primary key, also where a symbol has most of the bars. Where all symbols are counted it is one scan of the table.
-- depends: recount_scope symbols_to_recount
create or replace view stage1_internal.counted_bars as
with summed as (
  select s.symbol
  from public.market_bar_symbols as s
  where (select c.is_all from stage1_internal.recount_scope as c)
), grouped as (
  select
    k.symbol,
    count(*) as bar_count,
    min(k.ts) as first_ts,
    max(k.ts) as last_ts
  from public.market_bars_ohlcv_1m as k
  where (select c.is_all from stage1_internal.recount_scope as c)
  group by k.symbol
)
select
  w.symbol,
  case
    when n.bar_count = w.bar_count then n.bar_count
    else (select count(*) from public.market_bars_ohlcv_1m as k where k.symbol = w.symbol)
  end as bar_count,
  f.ts as first_ts,
  l.ts as last_ts
from stage1_internal.symbols_to_recount as w
left join lateral (
  select k.ts from public.market_bars_ohlcv_1m as k where k.symbol = w.symbol order by k.ts asc limit 1
) as f on true
left join lateral (
  select k.ts from public.market_bars_ohlcv_1m as k where k.symbol = w.symbol order by k.ts desc limit 1
) as l on true
left join lateral (
  select w.known_bar_count + o.bar_count as bar_count
  from (
    select count(*) as bar_count
    from (
      values (w.known_last_ts, 'infinity'::timestamptz), ('-infinity'::timestamptz, w.known_first_ts)
    ) as r (after_ts, before_ts)
    inner join public.market_bars_ohlcv_1m as k on k.symbol = w.symbol and k.ts > r.after_ts and k.ts < r.before_ts
  ) as o
  where not w.is_whole and not w.is_refilled
) as n on true
where not (select c.is_all from stage1_internal.recount_scope as c)
union all
select
  coalesce(s.symbol, g.symbol),
  coalesce(g.bar_count, 0),
  g.first_ts,
  g.last_ts
from summed as s
full join grouped as g on g.symbol = s.symbol;

comment on view stage1_internal.counted_bars is
'How many bars there are of each symbol that is to be counted again, and from when to when.';
