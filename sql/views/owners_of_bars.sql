-- The loads that the bars name of each symbol that is to be counted again, with how many bars and from when to when.
-- Of a symbol that was found right once only the spans of loads and undos since are looked at, and what lies beyond its bars
-- of then. The spans are united, so that no bar counts twice. Where all symbols are counted it is one scan of the table.
-- depends: recount_scope symbols_to_recount
create or replace view stage1_internal.owners_of_bars as
select
  b.symbol,
  b.ingestion_run_id,
  sum(b.bar_count)::bigint as bar_count,
  min(b.first_ts) as first_ts,
  max(b.last_ts) as last_ts
from (
  select
    w.symbol,
    p.ingestion_run_id,
    p.bar_count,
    p.first_ts,
    p.last_ts
  from stage1_internal.symbols_to_recount as w
  cross join lateral (
    select unnest(range_agg(s.span)) as span
    from (
      select tstzrange('-infinity', 'infinity', '[]') as span
      where w.is_whole
      union all
      select tstzrange(w.known_last_ts, 'infinity', '(]')
      where not w.is_whole
      union all
      select tstzrange('-infinity', w.known_first_ts, '[)')
      where not w.is_whole
      union all
      select tstzrange(i.first_ts, i.last_ts, '[]')
      from public.data_ingest_symbols as i
      where not w.is_whole and i.symbol = w.symbol and i.version > w.known_version
      union all
      select tstzrange(i.first_ts, i.last_ts, '[]')
      from public.data_ingest_symbols as i
      where not w.is_whole and i.symbol = w.symbol and i.undone_version > w.known_version
    ) as s
  ) as r
  cross join lateral (
    select
      k.ingestion_run_id,
      count(*) as bar_count,
      min(k.ts) as first_ts,
      max(k.ts) as last_ts
    from public.market_bars_ohlcv_1m as k
    where k.symbol = w.symbol and r.span @> k.ts
      and k.ts >= coalesce(lower(r.span), '-infinity') and k.ts <= coalesce(upper(r.span), 'infinity')
    group by k.ingestion_run_id
  ) as p
  where not (select c.is_all from stage1_internal.recount_scope as c)
) as b
group by b.symbol, b.ingestion_run_id
union all
select
  k.symbol,
  k.ingestion_run_id,
  count(*),
  min(k.ts),
  max(k.ts)
from public.market_bars_ohlcv_1m as k
where (select c.is_all from stage1_internal.recount_scope as c)
group by k.symbol, k.ingestion_run_id;

comment on view stage1_internal.owners_of_bars is
'The loads that the bars name of each symbol that is to be counted again.';
