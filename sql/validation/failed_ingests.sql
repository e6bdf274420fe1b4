-- A failed load stands until the file was loaded (that content, or what came to lie in its place), failed again, or somebody
-- took note of the failure. A file is known by its path, not its name: every year may have a file of the same name. Only a
-- whole load that stands settles anything: not one that was undone, nor one that repeats it.
create or replace view public.failed_ingests as
select
  'failed_ingests' as check_name,
  'error' as severity,
  format('ingest %s', r.id) as subject,
  format(
    '%s: %s; load it again, or take note of it with `stage1 ingests undo %s`',
    r.file_name,
    case when length(r.error) > 300 then left(r.error, 297) || '...' else r.error end,
    r.id
  ) as detail
from public.data_ingest_runs as r
where r.status = 'failed' and r.undone_at is null
  and not exists (
    select 1 from public.data_ingest_runs as n
    where n.id > r.id and n.status = 'failed' and n.file_name = r.file_name and n.details ->> 'path' = r.details ->> 'path'
  )
  and not exists (
    select 1
    from public.data_ingest_runs as n
    left join public.data_ingest_runs as f on f.id = n.repeats_ingest_id
    where n.id > r.id and n.status = 'success' and n.whole and n.undone_at is null and f.undone_at is null
      and (n.file_sha256 = r.file_sha256 or (n.file_name = r.file_name and n.details ->> 'path' = r.details ->> 'path'))
  );

comment on view public.failed_ingests is
'Loads that failed, and whose file was not loaded since.';
