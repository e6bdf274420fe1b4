-- One page of the runs of `stage1 validate`, newest first, with the checks that found something or did not answer.
-- Raises: S1A02 argument invalid.
-- depends: check_page
create or replace function public.fn_list_validations(
  p_limit int default 50,
  p_offset int default 0
)
  returns table (
    id               bigint,
    started_at       timestamptz,
    finished_at      timestamptz,
    is_complete      boolean,
    is_deep          boolean,
    error_count      bigint,
    warning_count    bigint,
    unanswered_count bigint,
    not_well         text
  )
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
as $function$
begin
  perform public.check_page(p_limit, p_offset);
  return query
  select
    r.id, r.started_at, r.finished_at, r.is_complete, r.is_deep, r.error_count, r.warning_count, r.unanswered_count,
    (
      select string_agg(s.check_name, ', ' order by s.check_name)
      from stage1_internal.validation_results as s
      where s.run_id = r.id and (s.error_count + s.warning_count > 0 or s.problem is not null)
    )
  from stage1_internal.validation_runs as r
  order by r.started_at desc, r.id desc
  limit p_limit offset p_offset;
end;
$function$;

comment on function public.fn_list_validations(int, int) is
  'One page of the runs of `stage1 validate`, newest first.';
