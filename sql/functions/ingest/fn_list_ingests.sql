-- One page of the loads, newest first; p_status keeps those that are running, success or failed.
-- plpgsql with custom plans, because the plan depends on the arguments.
-- Raises: S1A02 argument invalid.
-- depends: check_page
create or replace function public.fn_list_ingests(
  p_limit int default 50,
  p_offset int default 0,
  p_status text default null
)
  returns setof public.data_ingest_runs
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
begin
  perform public.check_page(p_limit, p_offset);
  if p_status not in ('running', 'success', 'failed') then
    raise exception using errcode = 'S1A02',
      message = format('p_status was %L; it is running, success or failed.', p_status),
      hint = 'Pass null for all of them.';
  end if;
  return query
  select r.*
  from public.data_ingest_runs as r
  where p_status is null or r.status = p_status
  order by r.started_at desc, r.id desc
  limit p_limit offset p_offset;
end;
$function$;

comment on function public.fn_list_ingests(int, int, text) is
'One page of the loads, newest first, filtered by status.';
