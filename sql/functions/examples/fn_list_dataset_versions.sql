-- The versions of a dataset, newest first: one page, or that of the versions before p_before_sequence.
-- Raises: S1A02 argument invalid; of the dataset S1A01, S1C02.
-- depends: dataset_version_list fn_find_dataset check_page
create or replace function public.fn_list_dataset_versions(
  p_dataset text,
  p_limit int default 50,
  p_before_sequence bigint default null
)
  returns setof public.dataset_version_list
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
begin
  perform public.check_page(p_limit, 0);
  return query
  select l.*
  from public.dataset_version_list as l
  where l.dataset_id = v_dataset_id and (p_before_sequence is null or l.sequence < p_before_sequence)
  order by l.sequence desc
  limit p_limit;
end;
$function$;

comment on function public.fn_list_dataset_versions(text, int, bigint) is
'The versions of a dataset of examples, newest first; the page before a sequence, or the first one.';
