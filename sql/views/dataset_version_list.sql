-- One row per version of a dataset of examples, with the id of the version before it and the names that it has.
-- Both are correlated, so that a page of versions asks for its own rows only.
create or replace view public.dataset_version_list as
select
  v.dataset_id,
  d.dataset_slug,
  v.version_id,
  v.sequence,
  (
    select b.version_id from public.dataset_versions as b where b.dataset_id = v.dataset_id and b.sequence = v.sequence - 1
  ) as previous_version_id,
  v.created_at,
  v.created_by,
  v.origin,
  v.restored_from,
  v.description,
  v.metadata,
  v.new_count,
  v.changed_count,
  v.unchanged_count,
  v.deleted_count,
  v.restored_count,
  v.example_count,
  array(select t.tag from public.dataset_version_tags as t where t.version_id = v.version_id order by t.tag)::text[] as tags
from public.dataset_versions as v
inner join public.stage1_datasets as d on d.dataset_id = v.dataset_id;

comment on view public.dataset_version_list is
'One row per version of a dataset of examples: who made it, what it changed, how much it holds, and the names that it has.';
