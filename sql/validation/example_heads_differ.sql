-- An example's head is kept by the functions that write versions; whoever changes examples or revisions past them is found here.
-- Looks at datasets with a version of the last three days, or by `set stage1.recount = 'all'` at every one.
create or replace view public.example_heads_differ as
select
  'example_heads_differ' as check_name,
  'error' as severity,
  format('%s: %s', d.dataset_slug, e.source_id) as subject,
  format(
    'its row says version %s and the hash %s; its last revision is of version %s and has %s;'
    || ' undo what was done past the functions, or set the row of dataset_examples right',
    e.head_sequence, coalesce(left(encode(e.head_hash, 'hex'), 12), 'of nothing'), coalesce(r.from_sequence::text, 'none'),
    coalesce(left(encode(r.content_hash, 'hex'), 12), 'nothing')
  ) as detail
from public.stage1_datasets as d
inner join public.dataset_examples as e on e.dataset_id = d.dataset_id
left join lateral (
  select s.from_sequence, s.content_hash
  from public.dataset_example_revisions as s
  where s.example_id = e.example_id
  order by s.from_sequence desc
  limit 1
) as r on true
where (
  coalesce(current_setting('stage1.recount', true), '') = 'all'
  or d.dataset_id in (select v.dataset_id from public.dataset_versions as v where v.created_at > now() - interval '3 days')
) and (r.from_sequence is distinct from e.head_sequence or r.content_hash is distinct from e.head_hash);

comment on view public.example_heads_differ is
'Examples whose head is not their last revision; those of datasets that changed in the last days, or all.';
