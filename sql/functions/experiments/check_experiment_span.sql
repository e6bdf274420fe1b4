-- Refuses times of a run or an evaluation that are infinite or end before they begin; p_what says whose they are.
-- Definer functions call it: types that their caller made in pg_temp are found last.
-- Raises: S1A02 argument invalid, S1A03 span inverted.
create or replace function stage1_internal.check_experiment_span(
  p_what text,
  p_started_at timestamptz,
  p_finished_at timestamptz
)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if not isfinite(p_started_at) or not isfinite(p_finished_at) then
    raise exception using errcode = 'S1A02',
      message = format('%s has an infinite time; a moment was expected, or null.', p_what),
      hint = 'Pass when it began and when it ended.';
  end if;
  if p_finished_at < p_started_at then
    raise exception using errcode = 'S1A03',
      message = format('%s finished at %s, before it started, at %s.', p_what, p_finished_at, p_started_at),
      hint = 'Pass both times of one clock, or leave them out.';
  end if;
end;
$function$;

comment on function stage1_internal.check_experiment_span(text, timestamptz, timestamptz) is
'Refuses times that are infinite or end before they begin.';
