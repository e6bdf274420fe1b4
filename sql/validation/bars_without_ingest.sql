-- Every bar names the load that wrote it, and that load knows the bar's symbol and span: there is no foreign key, since it
-- would make a load three times slower. Looks at the bars of owners_of_bars: what was loaded or undone since the last
-- validation, or by `set stage1.recount = 'all'` every bar.
-- depends: owners_of_bars
create or replace view public.bars_without_ingest as
select
  'bars_without_ingest' as check_name,
  'error' as severity,
  b.symbol as subject,
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
from stage1_internal.owners_of_bars as b
left join public.data_ingest_runs as r on r.id = b.ingestion_run_id
left join public.data_ingest_symbols as i on i.ingest_id = b.ingestion_run_id and i.symbol = b.symbol
where r.status is distinct from 'success' or r.undone_at is not null
  or i.symbol is null or b.first_ts < i.first_ts or b.last_ts > i.last_ts;

comment on view public.bars_without_ingest is
'Bars whose load does not exist, was undone, or does not know them; of what changed since the last validation, or of all.';
