-- Runs every check of sql/validation/ and returns its rows together. No row = healthy.
-- The checks are the views of public that have exactly the columns of a check; each can be read alone, too.
create or replace function stage1_internal.validation_findings()
  returns table (
    check_name text,
    severity   text,
    subject    text,
    detail     text
  )
  language plpgsql
  stable
  set search_path = ''
as $function$
declare
  v_view text;
begin
  for v_view in
    select d.object_name
    from stage1_internal.deployed_objects as d
    inner join pg_attribute as a on a.attrelid = to_regclass(d.object_name)::oid and a.attnum > 0 and not a.attisdropped
    group by d.object_name
    having array_agg(a.attname::text order by a.attnum) = array['check_name', 'severity', 'subject', 'detail']
    order by d.object_name
  loop
    return query execute format('select v.check_name, v.severity, v.subject, v.detail from %s as v', v_view);
  end loop;
end;
$function$;

comment on function stage1_internal.validation_findings() is
  'Runs every check of sql/validation/ and returns what they found.';
