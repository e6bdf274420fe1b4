-- One row per experiment with its version and how far it is: how many runs are expected, and what became of them.
-- The counts are correlated, so that a page of the list counts for its own rows only; each is an index walk.
create or replace view public.experiment_list as
select
  e.experiment_id,
  e.dataset_id,
  d.dataset_slug,
  e.version_id,
  v.sequence as version_sequence,
  e.name,
  e.description,
  e.metadata,
  e.repetitions,
  e.created_at,
  e.created_by,
  v.example_count,
  v.example_count * e.repetitions as expected_run_count,
  r.run_count - f.run_count as successful_run_count,
  f.run_count as failed_run_count,
  v.example_count * e.repetitions - r.run_count as missing_run_count
from public.experiments as e
inner join public.stage1_datasets as d on d.dataset_id = e.dataset_id
inner join public.dataset_versions as v on v.version_id = e.version_id
cross join lateral (
  select count(*) as run_count from public.experiment_runs as q where q.experiment_id = e.experiment_id
) as r
cross join lateral (
  select count(*) as run_count from public.experiment_runs as q where q.experiment_id = e.experiment_id and q.error is not null
) as f;

comment on view public.experiment_list is
'One row per experiment: its version, and how many of its runs succeeded, failed and are missing.';
