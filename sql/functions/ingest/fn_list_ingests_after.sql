-- The page of the loads that follows a row, newest first; p_status keeps those that are running, success or failed.
-- Equally quick at any depth. plpgsql with custom plans, because the plan depends on the arguments.
-- Raises: S1A02 argument invalid.
-- depends: check_page
create or replace function public.fn_list_ingests_after(
  p_limit int default 50,
  p_after_started_at timestamptz default null,
  p_after_id bigint default null,
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
  perform public.check_page(p_limit, 0);
  if (p_after_started_at is null) <> (p_after_id is null) then
    raise exception using errcode = 'S1A02',
      message = 'p_after_started_at or p_after_id was null; a cursor is both values of the last row, or none.',
      hint = 'Pass both values of the last row that was read, or neither for the first page.';
  end if;
  if p_status not in ('running', 'success', 'failed') then
    raise exception using errcode = 'S1A02',
      message = format('p_status was %L; it is running, success or failed.', p_status),
      hint = 'Pass null for all of them.';
  end if;
  return query
  select r.*
  from public.data_ingest_runs as r
  where (p_status is null or r.status = p_status)
    and (p_after_id is null or (r.started_at, r.id) < (p_after_started_at, p_after_id))
  order by r.started_at desc, r.id desc
  limit p_limit;
end;
$function$;

comment on function public.fn_list_ingests_after(int, timestamptz, bigint, text) is
'The page of the loads that follows the row of the given started_at and id, filtered by status; nulls for the first page.';
