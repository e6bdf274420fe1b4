-- The page of the findings that follows a finding, by check: those of each check in the latest run that asked it and was answered.
-- Raises: S1A02 argument invalid.
-- depends: check_page
create or replace function public.fn_list_findings(
  p_limit int default 50,
  p_after_check_name text default null,
  p_after_place bigint default null
)
  returns table (
    check_name text,
    place      bigint,
    run_id     bigint,
    severity   text,
    subject    text,
    detail     text
  )
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
begin
  perform public.check_page(p_limit, 0);
  if (p_after_check_name is null) <> (p_after_place is null) then
    raise exception using errcode = 'S1A02',
      message = 'p_after_check_name or p_after_place was null; a cursor is both values of the last row, or none.',
      hint = 'Pass both values of the last row that was read, or neither for the first page.';
  end if;
  return query
  select f.check_name, f.position as place, f.run_id, f.severity, f.subject, f.detail
  from stage1_internal.validation_findings as f
  where p_after_place is null or (f.check_name, f.position) > (p_after_check_name, p_after_place)
  order by f.check_name, f.position
  limit p_limit;
end;
$function$;

comment on function public.fn_list_findings(int, text, bigint) is
  'The page of the findings of `stage1 validate` that follows the given one, by check; nulls for the first page.';
