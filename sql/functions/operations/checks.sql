-- Lists the checks: the deployed views that have exactly the columns of a check.
-- One that was dropped by hand is none any more; the check drifted_objects misses it.
create or replace function stage1_internal.checks()
  returns table (
    check_name text,
    check_view text
  )
  language sql
  stable
  set search_path = ''
begin atomic
  select split_part(d.object_name, '.', 2), d.object_name
  from stage1_internal.deployed_objects as d
  inner join pg_attribute as a on a.attrelid = to_regclass(d.object_name)::oid and a.attnum > 0 and not a.attisdropped
  group by d.object_name
  having array_agg(a.attname::text order by a.attnum) = array['check_name', 'severity', 'subject', 'detail']
  order by d.object_name;
end;

comment on function stage1_internal.checks() is
  'Lists the checks: the deployed views that have the columns of a check.';
