-- Runs every check of sql/validation/ and counts what it finds, by severity, with one subject as an example. No row = healthy.
-- The checks are the deployed views that have exactly the columns of a check; each can be read alone, too.
-- It counts instead of listing: a check of a large database may find something in every row.
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
as $function$
begin
  for check_view in
    select d.object_name
    from stage1_internal.deployed_objects as d
    inner join pg_attribute as a on a.attrelid = to_regclass(d.object_name)::oid and a.attnum > 0 and not a.attisdropped
    group by d.object_name
    having array_agg(a.attname::text order by a.attnum) = array['check_name', 'severity', 'subject', 'detail']
    order by d.object_name
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
