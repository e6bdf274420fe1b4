-- The last replay of a spool did not reach its end: it was stopped by an error, or killed (it is marked as running, and nobody
-- holds the lock of the replay). The next run goes on where it ended.
create or replace view public.replays_stopped as
select
  'replays_stopped' as check_name,
  'error' as severity,
  format('run %s', r.id) as subject,
  format(
    'begun %s, %s; what it applied is in the ledger, `stage1 replay run` goes on',
    r.started_at,
    case r.outcome when 'stopped' then format('stopped: %s', left(r.error, 300)) else 'killed: nobody holds its lock' end
  ) as detail
from (
  select q.* from stage1_internal.replay_runs as q where q.kind = 'spool' order by q.id desc limit 1
) as r
where r.outcome = 'stopped' or (r.outcome = 'running' and not exists (
  select 1
  from pg_catalog.pg_locks as l
  -- 'stage1rp' as a number, in its two halves.
  where l.locktype = 'advisory' and l.granted and l.classid = 1937006951 and l.objid = 1697739376 and l.objsubid = 1
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
));

comment on view public.replays_stopped is
'The last run of the replay, where it was stopped by an error or killed.';
