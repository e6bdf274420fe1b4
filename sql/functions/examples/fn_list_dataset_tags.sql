-- The names that versions of a dataset have, in their order.
-- Raises: of the dataset S1A01, S1C02.
-- depends: fn_find_dataset
create or replace function public.fn_list_dataset_tags(
  p_dataset text
)
  returns table (
    tag text,
    version_id uuid,
    sequence bigint,
    updated_at timestamptz,
    updated_by text
  )
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
begin
  return query
  select t.tag, t.version_id, v.sequence, t.updated_at, t.updated_by
  from public.dataset_version_tags as t
  inner join public.dataset_versions as v on v.version_id = t.version_id
  where t.dataset_id = v_dataset_id
  order by t.tag;
end;
$function$;

comment on function public.fn_list_dataset_tags(text) is
'The tags of a dataset: names of its versions, which can be moved.';
