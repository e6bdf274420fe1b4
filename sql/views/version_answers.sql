-- What a request was answered: by the version that it made, or, where it changed nothing, by the latest version of then.
create or replace view stage1_internal.version_answers as
select
  v.dataset_id,
  v.request_key,
  v.version_id,
  (select b.version_id from public.dataset_versions as b where b.dataset_id = v.dataset_id and b.sequence = v.sequence - 1)
    as previous_version_id,
  true as created_version,
  v.sequence = 1 as created_dataset,
  v.new_count,
  v.changed_count,
  v.unchanged_count,
  v.deleted_count,
  v.restored_count
from public.dataset_versions as v
union all
select
  r.dataset_id,
  r.request_key,
  r.version_id,
  (select b.version_id from public.dataset_versions as b where b.dataset_id = v.dataset_id and b.sequence = v.sequence - 1),
  false,
  false,
  0,
  0,
  r.unchanged_count,
  0,
  0
from stage1_internal.dataset_requests as r
inner join public.dataset_versions as v on v.version_id = r.version_id;

comment on view stage1_internal.version_answers is
'What each request for a version was answered, by its idempotency key.';
