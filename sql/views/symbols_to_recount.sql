-- Symbols whose bars the checks count again, with their summary and with what a validation last found right of them.
-- Those without that (`is_whole`: all of their bars are counted), and those whose summary differs from it. A symbol that lost its
-- summary since is one of them; its summary's columns are null. Every summary where the scope is all.
-- `is_refilled`: a load or undo since then inserted or removed bars between the first and the last of then, so that how many
-- there were says nothing any more. The `fetch first` of its lateral join keeps the planner from asking twice; a range, in place
-- of two comparisons, leaves it the indexes of the versions alone, which find what came since without the loads of before.
-- depends: recount_scope
create or replace view stage1_internal.symbols_to_recount as
with compared as (
  select
    coalesce(s.symbol, a.symbol) as symbol,
    s.version,
    s.vendor,
    s.dataset,
    s.origin,
    s.bar_count,
    s.first_ts,
    s.last_ts,
    s.latest_close,
    a.symbol is null or s.symbol is null or c.is_all as is_whole,
    a.version as known_version,
    a.bar_count as known_bar_count,
    a.first_ts as known_first_ts,
    a.last_ts as known_last_ts,
    r.symbol is not null as is_refilled,
    c.most_bars,
    coalesce(sum(
      greatest(coalesce(s.bar_count, 0) - case when r.symbol is null then coalesce(a.bar_count, 0) else 0 end, 0)
    ) over (
      order by s.updated_at desc nulls first, coalesce(s.symbol, a.symbol) asc
      rows between unbounded preceding and 1 preceding
    ), 0) as counted_before
  from public.market_bar_symbols as s
  full join stage1_internal.bar_recounts as a on a.symbol = s.symbol
  cross join stage1_internal.recount_scope as c
  left join lateral (
    select l.symbol
    from (
      select i.symbol, i.first_ts, i.last_ts
      from public.data_ingest_symbols as i
      where i.symbol = a.symbol and i.version > a.version and i.inserted_count > 0
      union all
      select i.symbol, i.first_ts, i.last_ts
      from public.data_ingest_symbols as i
      where i.symbol = a.symbol and i.undone_version > a.version
    ) as l
    where tstzrange(l.first_ts, l.last_ts, '[]') && tstzrange(a.first_ts, a.last_ts, '[]')
    fetch first row only
  ) as r on true
  where c.is_all
    or s.version is distinct from a.version
    or s.vendor is distinct from a.vendor
    or s.dataset is distinct from a.dataset
    or s.origin is distinct from a.origin
    or s.bar_count is distinct from a.bar_count
    or s.first_ts is distinct from a.first_ts
    or s.last_ts is distinct from a.last_ts
    or s.latest_close is distinct from a.latest_close
)
select
  m.symbol,
  m.version,
  m.vendor,
  m.dataset,
  m.origin,
  m.bar_count,
  m.first_ts,
  m.last_ts,
  m.latest_close,
  m.is_whole,
  m.known_version,
  m.known_bar_count,
  m.known_first_ts,
  m.known_last_ts,
  m.is_refilled
from compared as m
where m.most_bars is null or m.counted_before < m.most_bars;

comment on view stage1_internal.symbols_to_recount is
'Symbols whose bars the checks count again, with their summary and what was last found right of them.';
