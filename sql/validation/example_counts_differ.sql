-- A version's number of examples follows from that of the version before; a count of the heads says whether the latest is right.
-- Looks at datasets with a version of the last three days, or by `set stage1.recount = 'all'` at every one.
create or replace view public.example_counts_differ as
select
  'example_counts_differ' as check_name,
  'error' as severity,
  d.dataset_slug as subject,
  format(
    'version %s says %s examples, and there are %s; undo what was done past the functions that write versions',
    l.sequence, l.example_count, c.example_count
  ) as detail
from public.stage1_datasets as d
cross join lateral (
  select v.sequence, v.example_count
  from public.dataset_versions as v
  where v.dataset_id = d.dataset_id
  order by v.sequence desc
  limit 1
) as l
cross join lateral (
  select count(*) as example_count
  from public.dataset_examples as e
  where e.dataset_id = d.dataset_id and e.head_hash is not null
) as c
where (
  coalesce(current_setting('stage1.recount', true), '') = 'all'
  or d.dataset_id in (select v.dataset_id from public.dataset_versions as v where v.created_at > now() - interval '3 days')
) and l.example_count <> c.example_count;

comment on view public.example_counts_differ is
'Datasets whose latest version counts other than the examples that there are; those that changed in the last days, or all.';
