-- The records that one load kept out, with their reasons; one page, in the order of the file.
-- A load that repeats another (repeats_ingest_id) kept the same records out: they are those of the first, under its id.
-- Raises: S1A02 argument invalid, S1I07 ingest not found.
-- depends: check_page fn_show_ingest
create or replace function public.fn_ingest_rejects(
  p_ingest_id bigint,
  p_limit int default 50,
  p_offset int default 0
)
  returns setof public.data_ingest_rejects
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
as $function$
begin
  perform public.check_page(p_limit, p_offset);
  perform public.fn_show_ingest(p_ingest_id);
  return query
  select j.*
  from public.data_ingest_rejects as j
  where j.ingest_id = (select coalesce(r.repeats_ingest_id, r.id) from public.data_ingest_runs as r where r.id = p_ingest_id)
  order by j.position
  limit p_limit offset p_offset;
end;
$function$;

comment on function public.fn_ingest_rejects(bigint, int, int) is
'The records that one load kept out, one page in the order of the file.';
