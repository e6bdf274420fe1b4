-- Backups of this database that are none: the newest verified one is too old, or a newer one was found damaged.
-- Silent where none was ever taken: others may take them, and `stage1 status` says so. One that is dated in the future says
-- nothing of its age, and is passed over.
-- `alter database ... set stage1.backup_max_age = '8 days'` sets another limit, 'off' switches the check off.
create or replace view public.backup_overdue as
with records as (
  select b.name, b.taken_at, b.verified_at, b.problem
  from stage1_internal.backup_records as b
  where b.taken_at <= now() + '10 minutes'::interval
), newest as (
  select b.name, b.verified_at from records as b order by b.taken_at desc, b.name desc limit 1
), good as (
  select max(b.taken_at) as taken_at
  from records as b
  where b.verified_at is not null and b.problem is null
), setting as (
  select coalesce(nullif(current_setting('stage1.backup_max_age', true), ''), '26 hours') as max_age
)
select
  'backup_overdue' as check_name,
  'error' as severity,
  'backup' as subject,
  format(
    '%s, and the limit is %s; %s',
    case when g.taken_at is null then 'no backup was ever verified' else format('the newest verified backup was taken %s', g.taken_at) end,
    m.max_age,
    case
      when n.verified_at is null then format('run `stage1 backup verify %s`', n.name)
      else 'look at the timer, then run `stage1 backup create`, and verify what it makes'
    end
  ) as detail
from setting as m
cross join newest as n
cross join good as g
where m.max_age <> 'off'
  and coalesce(g.taken_at, (select min(b.taken_at) from records as b))
    < now() - case m.max_age when 'off' then '0' else m.max_age end::interval
union all
select
  'backup_overdue' as check_name,
  'error' as severity,
  b.name as subject,
  format(
    'its verification of %s found: %s; run `stage1 backup create`, and verify what it makes', b.verified_at, rtrim(b.problem, '.')
  ) as detail
from records as b
cross join good as g
cross join setting as m
where b.problem is not null
  and m.max_age <> 'off'
  and (g.taken_at is null or g.taken_at < b.taken_at);

comment on view public.backup_overdue is
'Backups of this database that are too old, or that were found damaged and have no good one after them.';
