-- A load that was killed leaves its row as running; the next load of the same file takes it over.
-- A load that lives is known by the transaction of another session that holds its row (xmax is that transaction, which holds
-- the lock of its own number); before that by its server process, which begin_ingest noted. Behind a pooler of transactions
-- that process is anybody's: a dead load is then found when the pooler ends the process, or after a day, and a load that
-- stands between two transactions may be taken for dead for that moment.
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
where r.status = 'running' and (
  r.started_at < now() - interval '1 day'
  or (a.pid is null and not exists (
    select 1
    from pg_catalog.pg_locks as l
    where l.locktype = 'transactionid' and l.granted and l.transactionid = r.xmax and l.pid <> pg_backend_pid()
  ))
);

comment on view public.ingests_left_running is
'Loads that are marked as running and whose process is gone, or that run for more than a day.';
