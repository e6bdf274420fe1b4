-- Writes down one validation: the run, what each check found, its findings in place of those of the run before, and what was
-- found right of the bars. Runs of more than 400 days ago go. Returns the id of the run.
-- p_run: {started_at, finished_at, complete, deep, results: [{check, errors, warnings, milliseconds, problem,
-- findings: [{severity, subject, detail}]}]}. p_recounted is the answer of recounted_summaries in the snapshot of the checks, null
-- where both checks of bars were not asked or not answered; p_wrong the symbols that they found something of.
-- Locks: share row exclusive on validation_findings: two runs write one after the other, readers go on.
-- Security definer: whoever may ask the checks records the answer, and nobody writes the history otherwise.
-- Raises: S1A01 argument missing.
create or replace function stage1_internal.record_validation(
  p_run jsonb,
  p_recounted jsonb default null,
  p_wrong text[] default '{}'
)
  returns bigint
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_id bigint;
begin
  if p_run is null then
    raise exception using errcode = 'S1A01',
      message = 'p_run was null; the answers of a validation were expected.',
      hint = '`stage1 validate` calls this function.';
  end if;
  lock table stage1_internal.validation_findings in share row exclusive mode;
  delete from stage1_internal.validation_runs as r where r.started_at < now() - interval '400 days';

  insert into stage1_internal.validation_runs (
    started_at, finished_at, is_complete, is_deep, error_count, warning_count, unanswered_count
  )
  select
    (p_run ->> 'started_at')::timestamptz, (p_run ->> 'finished_at')::timestamptz,
    (p_run ->> 'complete')::boolean, (p_run ->> 'deep')::boolean,
    coalesce(sum(r.errors), 0), coalesce(sum(r.warnings), 0), count(r.problem)
  from jsonb_to_recordset(p_run -> 'results') as r (errors bigint, warnings bigint, problem text)
  returning id into v_id;

  insert into stage1_internal.validation_results (run_id, check_name, error_count, warning_count, milliseconds, problem)
  select v_id, r."check", r.errors, r.warnings, r.milliseconds, r.problem
  from jsonb_to_recordset(p_run -> 'results') as r (
    "check" text, errors bigint, warnings bigint, milliseconds bigint, problem text
  );

  delete from stage1_internal.validation_findings as f
  where exists (
    select 1
    from jsonb_to_recordset(p_run -> 'results') as r ("check" text, problem text)
    where r."check" = f.check_name and r.problem is null
  );
  insert into stage1_internal.validation_findings (check_name, position, run_id, severity, subject, detail)
  select r."check", f.position, v_id, f.finding ->> 'severity', f.finding ->> 'subject', f.finding ->> 'detail'
  from jsonb_to_recordset(p_run -> 'results') as r ("check" text, problem text, findings jsonb)
  cross join lateral jsonb_array_elements(r.findings) with ordinality as f (finding, position)
  where r.problem is null;

  if p_recounted is not null then
    delete from stage1_internal.bar_recounts as a
    where a.symbol = any (p_wrong) or exists (
      select 1
      from jsonb_to_recordset(p_recounted -> 'summaries') as s (symbol text, version bigint)
      where s.symbol = a.symbol and s.version is null
    );
    insert into stage1_internal.bar_recounts as a (
      symbol, version, vendor, dataset, origin, bar_count, first_ts, last_ts, latest_close, recounted_at
    )
    select
      s.symbol, s.version, s.vendor, s.dataset, s.origin, s.bar_count, s.first_ts, s.last_ts, s.latest_close,
      (p_recounted ->> 'recounted_at')::timestamptz
    from jsonb_to_recordset(p_recounted -> 'summaries') as s (
      symbol text, version bigint, vendor text, dataset text, origin text, bar_count bigint, first_ts timestamptz,
      last_ts timestamptz, latest_close numeric
    )
    where s.version is not null and s.symbol <> all (p_wrong)
    on conflict (symbol) do update set
      version = excluded.version,
      vendor = excluded.vendor,
      dataset = excluded.dataset,
      origin = excluded.origin,
      bar_count = excluded.bar_count,
      first_ts = excluded.first_ts,
      last_ts = excluded.last_ts,
      latest_close = excluded.latest_close,
      recounted_at = excluded.recounted_at;
  end if;
  return v_id;
end;
$function$;

comment on function stage1_internal.record_validation(jsonb, jsonb, text[]) is
  'Writes down one validation: what each check found, and what was found right of the bars.';
