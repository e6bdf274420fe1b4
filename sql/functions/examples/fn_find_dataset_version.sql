-- The version of a dataset that a text names: latest, a sequence, a version_id, tag:NAME, or as-of:TIME.
-- Raises: of the version S1A02, S1E01, S1E07; of the dataset S1A01, S1C02.
-- depends: dataset_version_list version_sequence fn_find_dataset
create or replace function public.fn_find_dataset_version(
  p_dataset text,
  p_version text default 'latest'
)
  returns setof public.dataset_version_list
  language plpgsql
  stable
  rows 1
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
  v_sequence constant bigint := stage1_internal.version_sequence(p_dataset, p_version);
begin
  return query
  select l.* from public.dataset_version_list as l where l.dataset_id = v_dataset_id and l.sequence = v_sequence;
end;
$function$;

comment on function public.fn_find_dataset_version(text, text) is
'The version of a dataset that a text names: latest, a number, a version_id, tag:NAME or as-of:TIME.';
