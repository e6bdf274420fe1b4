-- Records the evaluations in pg_temp.staged_evaluations in one go, and counts the new ones, those that replaced another of their run
-- and name, and those that are recorded already: the last one counts. Their runs must have succeeded.
-- Rows are taken in the order of the key, so that two batches at once wait for each other and do not lock each other out.
-- `limit 1` makes each look one into a unique index, as in record_experiment_runs.
-- Locks: the rows of the evaluations.
-- Security definer: evaluations are written by these functions alone.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted, S1X01 experiment not found, S1X04 run not found,
-- S1X06 run repeated.
-- depends: find_experiment check_experiment_evaluation check_experiment_staging
create or replace function public.record_experiment_evaluations(
  p_experiment_id uuid,
  p_recorded_by text default null
)
  returns table (
    recorded bigint,
    replaced bigint,
    unchanged bigint
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
  v_resolved bigint;
begin
  perform stage1_internal.check_experiment_staging('staged_evaluations');
  select f.* into strict v_experiment from stage1_internal.find_experiment(p_experiment_id) as f;

  select s.* into v_bad
  from pg_temp.staged_evaluations as s
  where s.source_id is null or s.repetition is null or s.name is null or octet_length(s.name) not between 1 and 255
    or s.annotator_kind not in ('CODE', 'LLM', 'HUMAN') or s.score not between -1e100 and 1e100 or s.error = ''
    or s.error is not null and (s.label is not null or s.score is not null) or jsonb_typeof(s.metadata) <> 'object'
    or pg_column_size(s.metadata || '{}') > 8388608 or octet_length(s.metadata::text) > 1048576
    or not isfinite(s.started_at) or not isfinite(s.finished_at) or s.finished_at < s.started_at
  limit 1;
  if found then
    perform stage1_internal.check_experiment_evaluation(
      v_bad.source_id, v_bad.repetition, v_bad.name, v_bad.annotator_kind, v_bad.label, v_bad.score, v_bad.error, v_bad.metadata,
      v_bad.started_at, v_bad.finished_at
    );
  end if;
  select string_agg(g.name, ', ') filter (where g.place <= 3), count(*) into v_names, v_count
  from (
    select format('%s of %s (repetition %s)', to_json(s.name), to_json(left(s.source_id, 100)), s.repetition) as name,
      row_number() over (order by s.source_id, s.repetition, s.name) as place
    from pg_temp.staged_evaluations as s
    group by s.source_id, s.repetition, s.name
    having count(*) > 1
  ) as g;
  if v_count > 0 then
    raise exception using errcode = 'S1X06',
      message = format('%s given more than once: %s.',
        case v_count when 1 then '1 evaluation is' else format('%s evaluations are', v_count) end, v_names),
      hint = 'Send each name of a run once; nothing was recorded.';
  end if;

  with resolved as (
    select r.run_id, s.*
    from pg_temp.staged_evaluations as s
    cross join lateral (
      select q.example_id
      from public.dataset_examples as q
      where q.dataset_id = v_experiment.dataset_id and q.source_id = s.source_id
      limit 1
    ) as x
    cross join lateral (
      select q.run_id
      from public.experiment_runs as q
      where q.experiment_id = p_experiment_id and q.example_id = x.example_id and q.repetition = s.repetition and q.error is null
      limit 1
    ) as r
    order by r.run_id, s.name
  ), written as (
    insert into public.experiment_evaluations as v (
      run_id, name, annotator_kind, label, score, explanation, error, metadata, started_at, finished_at, recorded_by
    )
    select
      g.run_id, g.name, coalesce(g.annotator_kind, 'CODE'), g.label, g.score, g.explanation, g.error,
      coalesce(g.metadata, '{}'), g.started_at, g.finished_at, coalesce(p_recorded_by, session_user)
    from resolved as g
    on conflict on constraint experiment_evaluations_pkey do update
    set annotator_kind = excluded.annotator_kind, label = excluded.label, score = excluded.score,
      explanation = excluded.explanation, error = excluded.error, metadata = excluded.metadata, started_at = excluded.started_at,
      finished_at = excluded.finished_at, recorded_at = now(), recorded_by = excluded.recorded_by
    where (v.annotator_kind, v.label, v.score, v.explanation, v.error, v.metadata, v.started_at, v.finished_at)
      is distinct from (excluded.annotator_kind, excluded.label, excluded.score, excluded.explanation, excluded.error,
        excluded.metadata, excluded.started_at, excluded.finished_at)
    returning v.xmax = 0 as is_new -- a row that an insert made has no xmax
  )
  select w.recorded, w.replaced, g.resolved into recorded, replaced, v_resolved
  from (select count(*) filter (where n.is_new) as recorded, count(*) filter (where not n.is_new) as replaced from written as n) as w
  cross join (select count(*) as resolved from resolved) as g;
  select count(*) into v_count from pg_temp.staged_evaluations as s;
  unchanged := v_resolved - recorded - replaced;
  if v_resolved = v_count then
    return next;
    return;
  end if;

  select string_agg(g.name, ', ') filter (where g.place <= 3), count(*) into v_names, v_count
  from (
    select format('%s (repetition %s)', to_json(left(s.source_id, 100)), s.repetition) as name,
      row_number() over (order by s.source_id, s.repetition) as place
    from pg_temp.staged_evaluations as s
    left join lateral (
      select q.example_id
      from public.dataset_examples as q
      where q.dataset_id = v_experiment.dataset_id and q.source_id = s.source_id
      limit 1
    ) as x on true
    left join lateral (
      select q.run_id
      from public.experiment_runs as q
      where q.experiment_id = p_experiment_id and q.example_id = x.example_id and q.repetition = s.repetition and q.error is null
      limit 1
    ) as r on true
    where r.run_id is null
    group by s.source_id, s.repetition
  ) as g;
  raise exception using errcode = 'S1X04',
    message = format('%s of the experiment %s recorded as a success: %s.',
      case v_count when 1 then '1 run' else format('%s runs', v_count) end, case v_count when 1 then 'is not' else 'are not' end,
      v_names || case when v_count > 3 then ' ...' else '' end),
    hint = 'Record the runs before their evaluations, and leave out those that failed; nothing was recorded.';
end;
$function$;

comment on function public.record_experiment_evaluations(uuid, text) is
'Records the evaluations that were staged; the last one of a run and name counts.';
