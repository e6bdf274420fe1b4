-- PARTIAL is a range of days that is not over: each run of `stage1 data` extends it. One that nobody extended for a month is
-- read as more than it holds.
-- `alter database ... set stage1.partial_max_age = '100 days'` sets another limit, 'off' switches the check off.
create or replace view public.partial_manifests_overdue as
select
  'partial_manifests_overdue' as check_name,
  'warning' as severity,
  d.dataset_slug as subject,
  format(
    'it is PARTIAL and was last extended %s, and the limit is %s; run `stage1 data` for it again', m.generated_at, s.max_age
  ) as detail
from (select coalesce(nullif(current_setting('stage1.partial_max_age', true), ''), '35 days') as max_age) as s
cross join public.dataset_manifests as m
inner join public.stage1_datasets as d on d.dataset_id = m.dataset_id
where s.max_age <> 'off'
  and m.status = 'PARTIAL'
  and m.generated_at < now() - case s.max_age when 'off' then '0' else s.max_age end::interval;

comment on view public.partial_manifests_overdue is
'Datasets of a range of days that is not over, and that nobody extended for a long time.';
