-- Takes a name away from the version of a dataset that has it; returns the id of that version, which stays.
-- Locks: the tag's row.
-- Security definer: tags are written by functions of the owner alone.
-- Raises: S1E07 tag not found; of the dataset S1A01, S1C02.
-- depends: fn_find_dataset
create or replace function public.untag_dataset_version(
  p_dataset text,
  p_tag text
)
  returns uuid
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
  v_version_id uuid;
begin
  delete from public.dataset_version_tags as t
  where t.dataset_id = v_dataset_id and t.tag = p_tag
  returning t.version_id into v_version_id;
  if not found then
    raise exception using errcode = 'S1E07',
      message = format('p_tag was %L; dataset %L has no tag of that name.', left(p_tag, 300), p_dataset),
      hint = 'select tag from public.fn_list_dataset_tags(dataset) lists its tags.';
  end if;
  return v_version_id;
end;
$function$;

comment on function public.untag_dataset_version(text, text) is
'Takes a name away from a version of a dataset, and returns the id of the version.';
