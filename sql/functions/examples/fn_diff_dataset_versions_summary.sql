-- How many examples differ between two versions of a dataset, and how many are the same in both. p_base may be the later one.
-- Raises: of a version S1A02, S1E01, S1E07; of the dataset S1A01, S1C02.
-- depends: version_differences version_sequence fn_find_dataset
create or replace function public.fn_diff_dataset_versions_summary(
  p_dataset text,
  p_base text,
  p_other text
)
  returns table (
    base_version_id uuid,
    other_version_id uuid,
    new_count bigint,
    changed_count bigint,
    deleted_count bigint,
    unchanged_count bigint
  )
  language plpgsql
  stable
  rows 1
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
  v_base constant bigint := stage1_internal.version_sequence(p_dataset, p_base);
  v_other constant bigint := stage1_internal.version_sequence(p_dataset, p_other);
begin
  return query
  select b.version_id, o.version_id, d.new_count, d.changed_count, d.deleted_count, b.example_count - d.changed_count - d.deleted_count
  from (
    select
      count(*) filter (where k.base_hash is null) as new_count,
      count(*) filter (where k.base_hash is not null and k.other_hash is not null) as changed_count,
      count(*) filter (where k.other_hash is null) as deleted_count
    from stage1_internal.version_differences(v_dataset_id, v_base, v_other) as k
  ) as d
  inner join public.dataset_versions as b on b.dataset_id = v_dataset_id and b.sequence = v_base
  inner join public.dataset_versions as o on o.dataset_id = v_dataset_id and o.sequence = v_other;
end;
$function$;

comment on function public.fn_diff_dataset_versions_summary(text, text, text) is
'How many examples are new, changed, deleted and unchanged from one version of a dataset to another.';
