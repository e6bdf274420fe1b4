-- Symbols whose bars the checks count again: those of the last two days, the last changed first, until a million bars are
-- together; every symbol, those without a summary row too, where the setting stage1.deep is on.
create or replace view stage1_internal.symbols_to_recount as
with mode as (
  select coalesce(current_setting('stage1.deep', true), '') = 'on' as is_deep
), recent as (
  select
    s.symbol,
    sum(s.bar_count) over (order by s.updated_at desc, s.symbol asc) - s.bar_count as counted_before
  from public.market_bar_symbols as s
  where s.updated_at > now() - interval '2 days'
)
select r.symbol
from recent as r
cross join mode as m
where not m.is_deep and r.counted_before < 1000000
union all
select s.symbol
from public.market_bar_symbols as s
cross join mode as m
where m.is_deep
union all
select distinct b.symbol
from public.market_bars_ohlcv_1m as b
where coalesce(current_setting('stage1.deep', true), '') = 'on'
  and not exists (select 1 from public.market_bar_symbols as s where s.symbol = b.symbol);

comment on view stage1_internal.symbols_to_recount is
'Symbols whose bars the checks count again: the recently changed ones, or all where the setting stage1.deep is on.';
