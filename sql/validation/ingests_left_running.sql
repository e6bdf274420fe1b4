-- A load that was killed leaves its row as running; the next load of the same file takes it over.
create or replace view public.ingests_left_running as
select
  'ingests_left_running' as check_name,
  'error' as severity,
  format('ingest %s', r.id) as subject,
  format(
    '%s: begun %s by server process %s, %s; load it again, or take note of it with `stage1 ingests undo %s`',
    r.file_name,
    r.started_at,
    r.backend_pid,
    case when a.pid is null then 'which is gone' else 'more than a day ago' end,
    r.id
  ) as detail
from public.data_ingest_runs as r
left join pg_catalog.pg_stat_activity as a on a.pid = r.backend_pid and a.datname = current_database()
where r.status = 'running' and (a.pid is null or r.started_at < now() - interval '1 day');

comment on view public.ingests_left_running is
'Loads that are marked as running and whose process is gone, or that run for more than a day.';
