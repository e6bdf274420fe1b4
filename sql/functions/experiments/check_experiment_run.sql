-- Refuses a run that cannot be recorded, naming it and the argument that is wrong.
-- Definer functions call it: types that their caller made in pg_temp are found last.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted, S1X03 run not expected.
-- depends: check_experiment_span
create or replace function stage1_internal.check_experiment_run(
  p_source_id text,
  p_repetition bigint,
  p_repetitions bigint,
  p_output json,
  p_error text,
  p_started_at timestamptz,
  p_finished_at timestamptz
)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if p_source_id is null or p_repetition is null then
    raise exception using errcode = 'S1A01',
      message = format('%s of a run was null; it is required.', case when p_source_id is null then 'source_id' else 'repetition' end),
      hint = 'A run is known by the source id of its example and its repetition, from 1.';
  end if;
  if p_repetition not between 1 and p_repetitions then
    raise exception using errcode = 'S1X03',
      message = format('The run of %s has repetition %s; the experiment has %s.', to_json(left(p_source_id, 100)), p_repetition,
        case p_repetitions when 1 then '1 alone' else format('1 to %s', p_repetitions) end),
      hint = 'Create an experiment with more repetitions, or leave these runs out.';
  end if;
  if p_error = '' or p_error is not null and p_output is not null then
    raise exception using errcode = 'S1A02',
      message = format('The run of %s, repetition %s, has %s; a run has an output, or an error that is not empty.',
        to_json(left(p_source_id, 100)), p_repetition, case when p_error = '' then 'an empty error' else 'an output and an error' end),
      hint = 'Leave the error out where the run succeeded, and the output where it failed.';
  end if;
  perform stage1_internal.check_experiment_span(
    format('The run of %s, repetition %s,', to_json(left(p_source_id, 100)), p_repetition), p_started_at, p_finished_at
  );
end;
$function$;

comment on function stage1_internal.check_experiment_run(text, bigint, bigint, json, text, timestamptz, timestamptz) is
'Refuses a run that cannot be recorded, naming what is wrong.';
