-- Every bar names the load that wrote it, and that load knows the bar's symbol and span: there is no foreign key, since it
-- would make a load three times slower. Looks at the symbols of symbols_to_recount: the recently changed ones, or with
-- `set stage1.deep = on` all.
-- depends: symbols_to_recount
create or replace view public.bars_without_ingest as
select
  'bars_without_ingest' as check_name,
  'error' as severity,
  w.symbol as subject,
  format(
    '%s bars from %s to %s name ingest %s, %s; load the file that they came from again',
    b.bar_count,
    b.first_ts,
    b.last_ts,
    b.ingestion_run_id,
    case
      when r.id is null then 'which does not exist'
      when r.undone_at is not null then 'which was undone'
      when r.status <> 'success' then format('which is %s', r.status)
      else 'which did not load them'
    end
  ) as detail
from stage1_internal.symbols_to_recount as w
cross join lateral (
  select
    k.ingestion_run_id,
    count(*) as bar_count,
    min(k.ts) as first_ts,
    max(k.ts) as last_ts
  from public.market_bars_ohlcv_1m as k
  where k.symbol = w.symbol
  group by k.ingestion_run_id
) as b
left join public.data_ingest_runs as r on r.id = b.ingestion_run_id
left join public.data_ingest_symbols as i on i.ingest_id = b.ingestion_run_id and i.symbol = w.symbol
where r.status is distinct from 'success' or r.undone_at is not null
  or i.symbol is null or b.first_ts < i.first_ts or b.last_ts > i.last_ts;

comment on view public.bars_without_ingest is
'Bars whose load does not exist, was undone, or does not know them; recently changed symbols, or all where stage1.deep is on.';
