-- One run of `stage1 validate` with what each of its checks answered, by check; null is the newest that asked every check.
-- No row where there was none. checks: [{check, errors, warnings, milliseconds, problem}].
create or replace function public.fn_show_validation(
  p_run_id bigint default null
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
    checks           jsonb
  )
  language plpgsql
  stable
  rows 1
  set search_path = ''
  set plan_cache_mode = force_custom_plan
as $function$
begin
  return query
  select
    r.id, r.started_at, r.finished_at, r.is_complete, r.is_deep, r.error_count, r.warning_count, r.unanswered_count,
    (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'check', s.check_name, 'errors', s.error_count, 'warnings', s.warning_count, 'milliseconds', s.milliseconds,
            'problem', s.problem
          ) order by s.check_name
        ),
        '[]'
      )
      from stage1_internal.validation_results as s
      where s.run_id = r.id
    )
  from stage1_internal.validation_runs as r
  where case when p_run_id is null then r.is_complete else r.id = p_run_id end
  order by r.started_at desc, r.id desc
  limit 1;
end;
$function$;

comment on function public.fn_show_validation(bigint) is
  'One run of `stage1 validate` with what each of its checks answered; null is the newest that asked every check.';
