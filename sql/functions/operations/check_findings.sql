-- Runs one check: its findings, the first of each severity by subject, each with how many there are of its severity.
-- p_limit keeps so many of each severity, null all. p_recount is what stage1.recount becomes for the rest of the transaction.
-- Volatile, since it sets that: the answer is of the caller's snapshot.
-- Raises: S1A02 argument invalid.
-- depends: checks
create or replace function stage1_internal.check_findings(
  p_check_name text,
  p_limit int default null,
  p_recount text default ''
)
  returns table (
    severity text,
    subject  text,
    detail   text,
    findings bigint
  )
  language plpgsql
  set search_path = ''
  set jit = off
as $function$
declare
  v_view text;
begin
  select c.check_view into v_view from stage1_internal.checks() as c where c.check_name = p_check_name;
  if not found then
    raise exception using errcode = 'S1A02',
      message = format('p_check_name was %L; there is no check of that name.', coalesce(p_check_name, 'null')),
      hint = 'select check_name from stage1_internal.checks() lists them.';
  end if;
  perform set_config('stage1.recount', coalesce(p_recount, ''), true);
  return query execute format(
    'select n.severity, n.subject, n.detail, n.findings from ('
    '  select v.severity, v.subject, v.detail, count(*) over (partition by v.severity) as findings,'
    '    row_number() over (partition by v.severity order by v.subject collate "C", v.detail collate "C") as place'
    '  from %s as v'
    ') as n where $1 is null or n.place <= $1 order by n.severity, n.place', v_view
  ) using p_limit;
end;
$function$;

comment on function stage1_internal.check_findings(text, int, text) is
  'Runs one check and returns its first findings with how many there are.';
