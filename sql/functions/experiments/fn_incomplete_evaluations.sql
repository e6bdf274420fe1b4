-- The page of an experiment's successful runs that follows a run, of those that lack a successful evaluation of one of the names:
-- each with its example's content in the experiment's version, and the names that it lacks.
-- One walk along the experiment's runs, whatever the page: reading all pages costs it once.
-- plpgsql with custom plans, because the plan depends on the limit. `attempt > 0` always holds: it names
-- the index of pages, and a range of both its columns keeps the planner from walking along the runs of all experiments.
-- An incremental sort of one group, the experiment, would sort it whole for each page.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1X01 experiment not found.
-- depends: find_experiment check_page
create or replace function public.fn_incomplete_evaluations(
  p_experiment_id uuid,
  p_names text[],
  p_limit integer default 50,
  p_after_run_id bigint default null
)
  returns table (
    run_id bigint,
    source_id text,
    repetition bigint,
    run_output json,
    input json,
    output json,
    metadata json,
    names text[]
  )
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set enable_hashjoin = off
  set enable_mergejoin = off
  set enable_sort = off
  set enable_incremental_sort = off
  set jit = off
as $function$
declare
  v_experiment record;
begin
  perform public.check_page(p_limit, 0);
  select f.* into strict v_experiment from stage1_internal.find_experiment(p_experiment_id) as f;
  if coalesce(cardinality(p_names), 0) = 0 or '' = any (p_names) or array_position(p_names, null) is not null then
    raise exception using errcode = 'S1A01',
      message = 'p_names was empty or has an empty name; the names of the evaluations that are wanted were expected.',
      hint = 'Pass the names under which evaluators record, such as {exact_match}.';
  end if;
  return query
  select page.run_id, x.source_id::text, page.repetition, page.output, h.input, h.output, h.metadata, page.names
  from (
    select r.run_id, r.example_id, r.repetition, r.output, l.names
    from public.experiment_runs as r
    cross join lateral (
      select array_agg(n.name order by n.name) as names
      from (select distinct u.name collate "C" as name from unnest(p_names) as u (name)) as n
      where not exists (
        select 1
        from public.experiment_evaluations as v
        where v.run_id = r.run_id and v.name = n.name and v.error is null
      )
    ) as l
    where (r.experiment_id, r.run_id) > (p_experiment_id, coalesce(p_after_run_id, 0))
      and (r.experiment_id, r.run_id) <= (p_experiment_id, 9223372036854775807) and r.attempt > 0
      and r.error is null and l.names is not null
    order by r.experiment_id, r.run_id
    limit p_limit
  ) as page
  cross join lateral (
    select q.source_id
    from public.dataset_examples as q
    where q.example_id = page.example_id
    limit 1
  ) as x
  cross join lateral (
    select v.input, v.output, v.metadata
    from public.dataset_example_revisions as v
    where v.example_id = page.example_id and v.from_sequence <= v_experiment.sequence
    order by v.from_sequence desc
    limit 1
  ) as h
  order by page.run_id;
end;
$function$;

comment on function public.fn_incomplete_evaluations(uuid, text[], integer, bigint) is
'The successful runs that lack a successful evaluation of one of the names, with these names; a page by number.';
