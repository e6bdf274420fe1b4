-- Where the bars of a symbol come from: from the newest load that wrote bars of it, or replaced its origin, and still stands.
-- Loads that found all of their bars as they are do not count: they say nothing that was not so before. Each load that
-- counts has a version of its own, and versions follow the order of commits, as ids do not.
create or replace view stage1_internal.bar_origins as
select distinct on (i.symbol)
  i.symbol,
  r.vendor,
  r.dataset,
  r.origin
from public.data_ingest_symbols as i
inner join public.data_ingest_runs as r on r.id = i.ingest_id
where r.status = 'success' and r.undone_at is null and (i.inserted_count + i.changed_count > 0 or i.replaced_origin)
order by i.symbol asc, i.version desc;

comment on view stage1_internal.bar_origins is
'Where the bars of each symbol come from, by the newest load of it that stands.';
