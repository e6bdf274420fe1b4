-- A nightly replay of a spool that did not run, or never to its end. Silent where none ever ran: there is no replay then.
-- `alter database ... set stage1.replay_max_age = '8 days'` sets another limit, 'off' none.
create or replace view public.replay_overdue as
with setting as (
  select coalesce(nullif(current_setting('stage1.replay_max_age', true), ''), '26 hours') as max_age
), runs as (
  select
    min(q.started_at) as first_at,
    max(q.started_at) as last_at,
    max(q.finished_at) filter (where q.outcome = 'done') as done_at
  from stage1_internal.replay_runs as q
  where q.kind = 'spool'
)
select
  'replay_overdue' as check_name,
  'error' as severity,
  'replay' as subject,
  format(
    'the last replay that was done ended %s, and the limit is %s; the last run began %s; look at the timer, then run `stage1 replay run`',
    coalesce(r.done_at::text, 'never'), m.max_age, r.last_at
  ) as detail
from setting as m
cross join runs as r
where m.max_age <> 'off'
  and coalesce(r.done_at, r.first_at) < now() - case m.max_age when 'off' then '0' else m.max_age end::interval;

comment on view public.replay_overdue is
'A replay of offline inserts that was last done longer ago than it should be.';
