-- The bars of a manifest are those that its ingest brought or found there, until another load takes some of them away: a later
-- one that rewrote them, and the undo of that one, since their earlier values are gone; or the undo of an earlier one, whose
-- bars were found there and stayed its own. Counted by the ledger, not in the bars; whether the ledger is right,
-- bars_without_ingest and bar_summaries_differ say. Silent where manifests_without_bars speaks.
create or replace view public.manifest_counts_differ as
select
  'manifest_counts_differ' as check_name,
  'warning' as severity,
  d.dataset_slug as subject,
  case
    when coalesce(i.row_count, 0) <> m.bar_count
      then format('the manifest says %s bars of %s, and ingest %s brought %s', m.bar_count, m.symbol, r.id, coalesce(i.row_count, 0))
    when u.is_earlier
      then format('ingest %s, which had brought bars of %s within its span before, was undone', u.ingest_id, m.symbol)
    when u.is_undone then format('ingest %s had rewritten bars of %s within its span, and was undone', u.ingest_id, m.symbol)
    else format('ingest %s rewrote bars of %s within its span', u.ingest_id, m.symbol)
  end || '; run `stage1 data` for it again, or `stage1 datasets push`' as detail
from public.dataset_manifests as m
inner join public.stage1_datasets as d on d.dataset_id = m.dataset_id
inner join public.data_ingest_runs as r on r.id = m.ingest_id and r.status = 'success' and r.undone_at is null
left join public.data_ingest_runs as f on f.id = r.repeats_ingest_id
left join public.data_ingest_symbols as i on i.ingest_id = r.id and i.symbol = m.symbol
left join lateral (
  select o.ingest_id, o.version <= i.version as is_earlier, o.undone_version is not null as is_undone
  from public.data_ingest_symbols as o
  where o.symbol = m.symbol and o.first_ts <= i.last_ts and o.last_ts >= i.first_ts
    and case
      when o.version > i.version then o.changed_count > 0
      else o.undone_version > i.version and o.inserted_count + o.changed_count > 0 and i.updated_count > i.changed_count
    end
  order by coalesce(o.undone_version, o.version) desc
  limit 1
) as u on true
where f.undone_at is null
  and (coalesce(i.row_count, 0) <> m.bar_count or u.ingest_id is not null);

comment on view public.manifest_counts_differ is
'Datasets of derived bars of which the database has other bars, or another number of them, than the manifest says.';
