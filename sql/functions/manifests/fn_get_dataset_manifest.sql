-- The row of public.datasets of one dataset, named by slug or id.
-- Raises: S1A01 argument missing, S1C02 dataset not found: there is none, or it has no manifest.
-- depends: datasets fn_find_dataset
create or replace function public.fn_get_dataset_manifest(
  p_dataset text
)
  returns setof public.datasets
  language plpgsql
  stable
  rows 1
  set search_path = ''
  set plan_cache_mode = force_custom_plan
as $function$
declare
  v_dataset_id uuid := public.fn_find_dataset(p_dataset);
begin
  return query
  select d.* from public.datasets as d where d.dataset_uuid = v_dataset_id;
  if not found then
    raise exception using errcode = 'S1C02',
      message = format('p_dataset was %L; that dataset has no manifest: its bars were not derived here.', p_dataset),
      hint = 'select dataset_id from public.datasets lists those that have one.';
  end if;
end;
$function$;

comment on function public.fn_get_dataset_manifest(text) is
'Range, files and manifest of the dataset that a slug or the text of an id names.';
