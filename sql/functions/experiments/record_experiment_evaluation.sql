-- Records one evaluation of a successful run, without temporary tables. The outcome is recorded; replaced, where there was another
-- one of that name; or unchanged, where the same was recorded before.
-- Locks: the row of the evaluation.
-- Security definer: evaluations are written by these functions alone.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted, S1X01 experiment not found, S1X04 run not found.
-- depends: find_experiment check_experiment_evaluation
create or replace function public.record_experiment_evaluation(
  p_experiment_id uuid,
  p_source_id text,
  p_name text,
  p_repetition bigint default 1,
  p_annotator_kind text default 'CODE',
  p_label text default null,
  p_score double precision default null,
  p_explanation text default null,
  p_error text default null,
  p_metadata jsonb default '{}',
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
  v_run_id bigint;
begin
  select f.* into strict v_experiment from stage1_internal.find_experiment(p_experiment_id) as f;
  perform stage1_internal.check_experiment_evaluation(
    p_source_id, p_repetition, p_name, p_annotator_kind, p_label, p_score, p_error, p_metadata, p_started_at, p_finished_at
  );
  select r.run_id into v_run_id
  from public.dataset_examples as x
  inner join public.experiment_runs as r on r.experiment_id = p_experiment_id and r.example_id = x.example_id
  where x.dataset_id = v_experiment.dataset_id and x.source_id = p_source_id and r.repetition = p_repetition and r.error is null;
  if not found then
    raise exception using errcode = 'S1X04',
      message = format('The run of %s, repetition %s, of the experiment is not recorded as a success.',
        to_json(left(p_source_id, 100)), p_repetition),
      hint = 'Record the run before its evaluations; a run that failed has none.';
  end if;

  run_id := v_run_id;
  outcome := 'unchanged';
  insert into public.experiment_evaluations as v (
    run_id, name, annotator_kind, label, score, explanation, error, metadata, started_at, finished_at, recorded_by
  ) values (
    v_run_id, p_name, coalesce(p_annotator_kind, 'CODE'), p_label, p_score, p_explanation, p_error,
    coalesce(p_metadata, '{}'), p_started_at, p_finished_at, coalesce(p_recorded_by, session_user)
  )
  on conflict on constraint experiment_evaluations_pkey do nothing;
  if found then
    outcome := 'recorded';
  else
    update public.experiment_evaluations as v
    set annotator_kind = coalesce(p_annotator_kind, 'CODE'), label = p_label, score = p_score, explanation = p_explanation,
      error = p_error, metadata = coalesce(p_metadata, '{}'), started_at = p_started_at, finished_at = p_finished_at,
      recorded_at = now(), recorded_by = coalesce(p_recorded_by, session_user)
    where v.run_id = v_run_id and v.name = p_name
      and (v.annotator_kind, v.label, v.score, v.explanation, v.error, v.metadata, v.started_at, v.finished_at)
        is distinct from (coalesce(p_annotator_kind, 'CODE'), p_label, p_score, p_explanation, p_error,
          coalesce(p_metadata, '{}'), p_started_at, p_finished_at);
    if found then
      outcome := 'replaced';
    end if;
  end if;
  return next;
end;
$function$;

comment on function public.record_experiment_evaluation(
  uuid, text, text, bigint, text, text, double precision, text, text, jsonb, timestamptz, timestamptz, text
) is
'Records one evaluation of a successful run; the last one of a name counts.';
