-- Refuses an evaluation that cannot be recorded, naming it and the argument that is wrong.
-- A number such as 1e308 is stored in 12 bytes and read as 309 digits, so that large metadata are not written out to be measured.
-- What was staged may be compressed; `|| '{}'` gives it as it is.
-- Definer functions call it: types that their caller made in pg_temp are found last.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted.
-- depends: check_experiment_span
create or replace function stage1_internal.check_experiment_evaluation(
  p_source_id text,
  p_repetition bigint,
  p_name text,
  p_annotator_kind text,
  p_label text,
  p_score double precision,
  p_error text,
  p_metadata jsonb,
  p_started_at timestamptz,
  p_finished_at timestamptz
)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_what text;
  v_wrong text;
begin
  if p_source_id is null or p_repetition is null or coalesce(p_name, '') = '' then
    raise exception using errcode = 'S1A01',
      message = format('%s of an evaluation was null or empty; it is required.', case
        when p_source_id is null then 'source_id'
        when p_repetition is null then 'repetition'
        else 'name' end),
      hint = 'An evaluation is known by the source id and the repetition of its run, and its name.';
  end if;
  v_what := format('The evaluation %s of %s, repetition %s,', to_json(left(p_name, 100)), to_json(left(p_source_id, 100)), p_repetition);
  v_wrong := case
    when octet_length(p_name) > 255 then format('has a name of %s bytes; at most 255 are kept', octet_length(p_name))
    when p_annotator_kind not in ('CODE', 'LLM', 'HUMAN')
      then format('has the annotator_kind %L; it is CODE, LLM or HUMAN', left(p_annotator_kind, 100))
    when p_score not between -1e100 and 1e100 then format('has the score %s; a number from -1e100 to 1e100 was expected', p_score)
    when p_error = '' then 'has an empty error; where there is none it is left out'
    when p_error is not null and (p_label is not null or p_score is not null)
      then 'has an error and a label or a score; it is one or the other'
    when jsonb_typeof(p_metadata) <> 'object' then 'has metadata that are no JSON object'
    when pg_column_size(p_metadata || '{}') > 8388608 or octet_length(p_metadata::text) > 1048576
      then 'has metadata of more than 1048576 bytes as text, its numbers written out'
  end;
  if v_wrong is not null then
    raise exception using errcode = 'S1A02', message = format('%s %s.', v_what, v_wrong),
      hint = 'A judgement is a label, a score or both; an evaluator that failed has its error in place of them.';
  end if;
  perform stage1_internal.check_experiment_span(v_what, p_started_at, p_finished_at);
end;
$function$;

comment on function stage1_internal.check_experiment_evaluation(
  text, bigint, text, text, text, double precision, text, jsonb, timestamptz, timestamptz
) is
'Refuses an evaluation that cannot be recorded, naming what is wrong.';
