-- Records one run, without temporary tables: an output, or why it failed. An output of SQL null is the JSON null.
-- The outcome is recorded; replaced, where there was a failure; or unchanged, where the same was recorded before: the same output,
-- or a failure with the same error and times, which is the same request once more.
-- A run with another output than the successful one that is there is refused.
-- Locks: the row of the run.
-- Security definer: runs are written by these functions alone.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted, S1X01 experiment not found, S1X02 run recorded,
-- S1X03 run not expected.
-- depends: find_experiment check_experiment_run
create or replace function public.record_experiment_run(
  p_experiment_id uuid,
  p_source_id text,
  p_repetition bigint default 1,
  p_output json default null,
  p_error text default null,
  p_started_at timestamptz default null,
  p_finished_at timestamptz default null,
  p_recorded_by text default null
)
  returns table (
    run_id bigint,
    outcome text
  )
  language plpgsql
  security definer
  rows 1
  set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
  v_experiment record;
  v_example_id bigint;
  v_output json := case when p_error is null then coalesce(p_output, 'null') end;
  v_stored public.experiment_runs;
begin
  select f.* into strict v_experiment from stage1_internal.find_experiment(p_experiment_id) as f;
  perform stage1_internal.check_experiment_run(
    p_source_id, p_repetition, v_experiment.repetitions, p_output, p_error, p_started_at, p_finished_at
  );
  select x.example_id into v_example_id
  from public.dataset_examples as x
  cross join lateral (
    select v.kind
    from public.dataset_example_revisions as v
    where v.example_id = x.example_id and v.from_sequence <= v_experiment.sequence
    order by v.from_sequence desc
    limit 1
  ) as h
  where x.dataset_id = v_experiment.dataset_id and x.source_id = p_source_id and h.kind <> 'DELETE';
  if not found then
    raise exception using errcode = 'S1X03',
      message = format('p_source_id was %s; version %s, on which the experiment runs, has no such example.',
        to_json(left(p_source_id, 100)), v_experiment.sequence),
      hint = 'fn_incomplete_runs(experiment) lists the examples whose runs are expected.';
  end if;

  insert into public.experiment_runs as r (
    experiment_id, example_id, repetition, output, error, started_at, finished_at, recorded_by
  ) values (
    p_experiment_id, v_example_id, p_repetition, v_output, p_error, p_started_at, p_finished_at, coalesce(p_recorded_by, session_user)
  )
  on conflict on constraint experiment_runs_once do update
  set attempt = r.attempt + 1, output = excluded.output, error = excluded.error, started_at = excluded.started_at,
    finished_at = excluded.finished_at, recorded_at = now(), recorded_by = excluded.recorded_by
  where r.error is not null and not coalesce(
    r.error = excluded.error and r.started_at = excluded.started_at and r.finished_at = excluded.finished_at, false
  )
  returning r.run_id, case r.attempt when 1 then 'recorded' else 'replaced' end into run_id, outcome;
  if not found then
    select r.* into strict v_stored
    from public.experiment_runs as r
    where r.experiment_id = p_experiment_id and r.example_id = v_example_id and r.repetition = p_repetition;
    if v_stored.error is null and v_stored.output::text is distinct from v_output::text then
      raise exception using errcode = 'S1X02',
        message = format('The run of %s, repetition %s, succeeded already, with another output.',
          to_json(left(p_source_id, 100)), p_repetition),
        detail = format('It is run %s, recorded %s.', v_stored.run_id, v_stored.recorded_at),
        hint = 'A successful run is never overwritten. Create an experiment of its own for another attempt.';
    end if;
    run_id := v_stored.run_id;
    outcome := 'unchanged';
  end if;
  return next;
end;
$function$;

comment on function public.record_experiment_run(uuid, text, bigint, json, text, timestamptz, timestamptz, text) is
'Records one run of an experiment: an output, or why it failed. A failure is replaced, a success stays.';
