-- Runs every check of sql/validation/ and counts what it finds, by severity, with one subject as an example. No row = healthy.
-- Each check can be read alone, too. It counts instead of listing: a check of a large database may find something in every row.
-- The checks of bars look at what changed since the last validation, up to a million bars; `stage1 validate` looks at all of it.
-- depends: checks
create or replace function stage1_internal.validation_summary()
  returns table (
    check_view text,
    severity   text,
    findings   bigint,
    example    text
  )
  language plpgsql
  stable
  set search_path = ''
  set jit = off
as $function$
begin
  for check_view in
    select c.check_view from stage1_internal.checks() as c
  loop
    return query execute format(
      'select %L::text, v.severity, count(*), min(v.subject) from %s as v group by v.severity order by v.severity',
      check_view, check_view
    );
  end loop;
end;
$function$;

comment on function stage1_internal.validation_summary() is
  'Runs every check of sql/validation/ and counts what it finds, by severity.';
