-- Records the runs in pg_temp.staged_runs in one go, and counts what became of them: new ones, failures that were replaced, those
-- that are recorded already, and those that are not taken because a run succeeded with another output. The last are refused,
-- or with p_on_conflict 'keep' passed over. Which is which: see record_experiment_run.
-- What is new costs one insert; what was met is looked at afterwards. Rows are taken in the order of the key, so that two batches
-- at once wait for each other and do not lock each other out. `limit 1` makes each look one into a unique index: nobody has analysed
-- what is staged, nor a dataset or an experiment that is minutes old, and a join would choose its side by chance.
-- Locks: the rows of the runs.
-- Security definer: runs are written by these functions alone.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted, S1X01 experiment not found, S1X02 run recorded,
-- S1X03 run not expected, S1X06 run repeated.
-- depends: find_experiment check_experiment_run check_experiment_staging
create or replace function public.record_experiment_runs(
  p_experiment_id uuid,
  p_on_conflict text default 'refuse',
  p_recorded_by text default null
)
  returns table (
    recorded bigint,
    replaced bigint,
    unchanged bigint,
    kept bigint
  )
  language plpgsql
  security definer
  rows 1
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan
  set work_mem = '64MB'
  set jit = off
as $function$
declare
  v_experiment record;
  v_bad record;
  v_names text;
  v_count bigint;
begin
  if p_on_conflict is null or p_on_conflict not in ('refuse', 'keep') then
    raise exception using errcode = 'S1A02',
      message = format('p_on_conflict was %s; refuse or keep was expected.', coalesce(quote_literal(left(p_on_conflict, 100)), 'null')),
      hint = 'refuse: a run that succeeded with another output is an error. keep: it stays, and the other one is counted as kept.';
  end if;
  perform stage1_internal.check_experiment_staging('staged_runs');
  select f.* into strict v_experiment from stage1_internal.find_experiment(p_experiment_id) as f;

  select s.source_id, s.repetition, s.output, s.error, s.started_at, s.finished_at into v_bad
  from pg_temp.staged_runs as s
  where s.source_id is null or s.repetition is null or s.repetition not between 1 and v_experiment.repetitions
    or s.error = '' or s.error is not null and s.output is not null
    or not isfinite(s.started_at) or not isfinite(s.finished_at) or s.finished_at < s.started_at
  limit 1;
  if found then
    perform stage1_internal.check_experiment_run(
      v_bad.source_id, v_bad.repetition, v_experiment.repetitions, v_bad.output, v_bad.error, v_bad.started_at, v_bad.finished_at
    );
  end if;
  select string_agg(g.name, ', ') filter (where g.place <= 3), count(*) into v_names, v_count
  from (
    select format('%s (repetition %s)', to_json(left(s.source_id, 100)), s.repetition) as name,
      row_number() over (order by s.source_id, s.repetition) as place
    from pg_temp.staged_runs as s
    group by s.source_id, s.repetition
    having count(*) > 1
  ) as g;
  if v_count > 0 then
    raise exception using errcode = 'S1X06',
      message = format('%s given more than once: %s.', case v_count when 1 then '1 run is' else format('%s runs are', v_count) end, v_names),
      hint = 'Send each example and repetition once; nothing was recorded.';
  end if;

  with written as (
    insert into public.experiment_runs as r (
      experiment_id, example_id, repetition, output, error, started_at, finished_at, recorded_by
    )
    select
      p_experiment_id, x.example_id, s.repetition, case when s.error is null then coalesce(s.output, 'null') end, s.error,
      s.started_at, s.finished_at, coalesce(p_recorded_by, session_user)
    from pg_temp.staged_runs as s
    cross join lateral (
      select q.example_id
      from public.dataset_examples as q
      where q.dataset_id = v_experiment.dataset_id and q.source_id = s.source_id
      limit 1
    ) as x
    cross join lateral (
      select v.kind
      from public.dataset_example_revisions as v
      where v.example_id = x.example_id and v.from_sequence <= v_experiment.sequence
      order by v.from_sequence desc
      limit 1
    ) as h
    where h.kind <> 'DELETE'
    order by x.example_id, s.repetition
    on conflict on constraint experiment_runs_once do update
    set attempt = r.attempt + 1, output = excluded.output, error = excluded.error, started_at = excluded.started_at,
      finished_at = excluded.finished_at, recorded_at = now(), recorded_by = excluded.recorded_by
    where r.error is not null and not coalesce(
      r.error = excluded.error and r.started_at = excluded.started_at and r.finished_at = excluded.finished_at, false
    )
    returning r.attempt
  )
  select count(*) filter (where w.attempt = 1), count(*) filter (where w.attempt > 1) into recorded, replaced from written as w;
  select count(*) - recorded - replaced into unchanged from pg_temp.staged_runs as s;
  kept := 0;
  if unchanged = 0 then
    return next;
    return;
  end if;

  select string_agg(to_json(left(g.source_id, 100))::text, ', ') filter (where g.place <= 3), count(*) into v_names, v_count
  from (
    select s.source_id, row_number() over (order by s.source_id) as place
    from pg_temp.staged_runs as s
    left join lateral (
      select q.example_id
      from public.dataset_examples as q
      where q.dataset_id = v_experiment.dataset_id and q.source_id = s.source_id
      limit 1
    ) as x on true
    left join lateral (
      select v.kind
      from public.dataset_example_revisions as v
      where v.example_id = x.example_id and v.from_sequence <= v_experiment.sequence
      order by v.from_sequence desc
      limit 1
    ) as h on true
    where h.kind is null or h.kind = 'DELETE'
    group by s.source_id
  ) as g;
  if v_count > 0 then
    raise exception using errcode = 'S1X03',
      message = format('Version %s, on which the experiment runs, has no example %s%s.', v_experiment.sequence, v_names,
        case when v_count > 3 then format(' and %s others', v_count - 3) else '' end),
      hint = 'fn_incomplete_runs(experiment) lists the examples whose runs are expected; nothing was recorded.';
  end if;
  select string_agg(g.name, ', ') filter (where g.place <= 3), count(*) into v_names, kept
  from (
    select format('%s (repetition %s)', to_json(left(s.source_id, 100)), s.repetition) as name,
      row_number() over (order by s.source_id, s.repetition) as place
    from pg_temp.staged_runs as s
    cross join lateral (
      select q.example_id
      from public.dataset_examples as q
      where q.dataset_id = v_experiment.dataset_id and q.source_id = s.source_id
      limit 1
    ) as x
    cross join lateral (
      select q.error, q.output
      from public.experiment_runs as q
      where q.experiment_id = p_experiment_id and q.example_id = x.example_id and q.repetition = s.repetition
      limit 1
    ) as r
    where r.error is null and (s.error is not null or r.output::text <> coalesce(s.output, 'null')::text)
  ) as g;
  if kept > 0 and p_on_conflict = 'refuse' then
    raise exception using errcode = 'S1X02',
      message = format('%s succeeded already, with another output: %s.',
        case kept when 1 then '1 run' else format('%s runs', kept) end, v_names || case when kept > 3 then ' ...' else '' end),
      hint = 'A successful run is never overwritten, and nothing was recorded. With on_conflict keep these are passed over.';
  end if;
  unchanged := unchanged - kept;
  return next;
end;
$function$;

comment on function public.record_experiment_runs(uuid, text, text) is
'Records the runs that were staged, and counts the new, replaced, unchanged and kept ones.';
