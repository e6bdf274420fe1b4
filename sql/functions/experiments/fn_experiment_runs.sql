-- The page of an experiment's runs that follows a run, by its number; each with its evaluations.
-- plpgsql with custom plans, because the plan depends on the limit. `attempt > 0` always holds: it names
-- the index of pages, and a range of both its columns keeps the planner from walking along the runs of all experiments.
-- An incremental sort of one group, the experiment, would sort it whole for each page.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1X01 experiment not found.
-- depends: experiment_run_list find_experiment check_page
create or replace function public.fn_experiment_runs(
  p_experiment_id uuid,
  p_limit integer default 50,
  p_after_run_id bigint default null
)
  returns table (
    run_id bigint,
    source_id text,
    repetition bigint,
    output json,
    error text,
    started_at timestamptz,
    finished_at timestamptz,
    recorded_at timestamptz,
    attempt bigint,
    evaluations json
  )
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set enable_sort = off
  set enable_incremental_sort = off
  set jit = off
as $function$
begin
  perform public.check_page(p_limit, 0);
  perform stage1_internal.find_experiment(p_experiment_id);
  return query
  select r.run_id, r.source_id, r.repetition, r.output, r.error, r.started_at, r.finished_at, r.recorded_at, r.attempt, r.evaluations
  from (
    select k.run_id
    from public.experiment_runs as k
    where (k.experiment_id, k.run_id) > (p_experiment_id, coalesce(p_after_run_id, 0))
      and (k.experiment_id, k.run_id) <= (p_experiment_id, 9223372036854775807) and k.attempt > 0
    order by k.experiment_id, k.run_id
    limit p_limit
  ) as page
    cross join lateral (
      select q.* from public.experiment_run_list as q where q.run_id = page.run_id
      offset 0
    ) as r
  order by page.run_id;
end;
$function$;

comment on function public.fn_experiment_runs(uuid, integer, bigint) is
'The page of an experiment''s runs that follows a given run, or the first page, by number; each with its evaluations.';
