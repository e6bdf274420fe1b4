-- Compares the functions, views and checks that exist with what the deploy step left: those that are gone or were changed.
-- PostgreSQL prints definitions by the settings of the session, so these are those of the deploy. After an upgrade of the server
-- it prints them in other words, and the next deploy learns them: until then only what is gone is told.
create or replace function stage1_internal.drifting_objects()
  returns table (
    object_name text,
    problem     text
  )
  language plpgsql
  stable
  set search_path = ''
  set timezone = 'UTC'
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres'
  set quote_all_identifiers = off
as $function$
begin
  return query
  with found as (
    select o.object_name, count(*) as definitions, min(o.definition_sha256) as definition_sha256
    from stage1_internal.existing_objects(
      array(select d.object_name from stage1_internal.deployed_objects as d where d.definition_sha256 is not null)
    ) as o
    group by o.object_name
  )
  select
    d.object_name,
    case
      when f.object_name is null then 'is gone'
      when f.definitions > 1 then format('has %s definitions', f.definitions)
      else 'was edited by hand'
    end
  from stage1_internal.deployed_objects as d
  left join found as f on f.object_name = d.object_name
  where d.definition_sha256 is not null and (
    f.object_name is null
    or f.definitions > 1
    or (
      f.definition_sha256 <> d.definition_sha256
      and d.server_major = current_setting('server_version_num')::integer / 10000
    )
  )
  order by d.object_name;
end;
$function$;

comment on function stage1_internal.drifting_objects() is
  'Functions, views and checks that are gone or differ from what was deployed.';
