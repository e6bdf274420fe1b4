-- A manifest says that bars were derived; they are in the database only by its ingest. That one is kept by a foreign key, but
-- it may have been undone since, and one that repeats another's load stands and falls with that. Without bars there is nothing
-- to load.
create or replace view public.manifests_without_bars as
select
  'manifests_without_bars' as check_name,
  'error' as severity,
  d.dataset_slug as subject,
  format(
    '%s, so that its bars are not in the database; run `stage1 data` for it again, or `stage1 datasets push`',
    case
      when r.id is null then 'no ingest loaded it'
      when r.undone_at is not null then format('ingest %s was undone', r.id)
      when f.undone_at is not null then format('ingest %s, which ingest %s repeats, was undone', f.id, r.id)
      when r.status = 'failed' then format('ingest %s failed', r.id)
      else format('ingest %s is not finished', r.id)
    end
  ) as detail
from public.dataset_manifests as m
inner join public.stage1_datasets as d on d.dataset_id = m.dataset_id
left join public.data_ingest_runs as r on r.id = m.ingest_id
left join public.data_ingest_runs as f on f.id = r.repeats_ingest_id
where m.bar_count > 0 and (r.id is null or r.status <> 'success' or r.undone_at is not null or f.undone_at is not null);

comment on view public.manifests_without_bars is
'Datasets of derived bars whose ingest is missing, failed or was undone.';
