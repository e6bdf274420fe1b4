-- The catalog's row of one dataset, named by slug or id.
-- Raises: S1A01 argument missing, S1C02 dataset not found.
-- depends: dataset_catalog fn_find_dataset
create or replace function public.fn_show_dataset(
  p_dataset text
)
  returns setof public.dataset_catalog
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
  select c.* from public.dataset_catalog as c where c.dataset_id = v_dataset_id;
end;
$function$;

comment on function public.fn_show_dataset(text) is
'The catalog''s row of the dataset that a slug or the text of an id names.';
