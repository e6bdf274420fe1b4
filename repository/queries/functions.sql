-- Every function of ours: its signature, what it returns, and its comment. Run with an empty search_path, so that names are whole.
select
  n.nspname || '.' || p.proname as name,
  pg_catalog.pg_get_function_arguments(p.oid) as arguments,
  pg_catalog.pg_get_function_result(p.oid) as result,
  p.prosecdef as is_definer,
  p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype as is_trigger,
  pg_catalog.obj_description(p.oid, 'pg_proc') as comment,
  array(
    select a.name || ' ' || pg_catalog.format_type(a.type, null)
    from unnest(p.proargnames, p.proallargtypes, p.proargmodes) with ordinality as a (name, type, mode, place)
    where a.mode in ('t', 'o')
    order by a.place
  ) as returned_columns
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname in ('public', 'stage1_internal')
  and not exists (select 1 from pg_catalog.pg_depend as d where d.objid = p.oid and d.deptype = 'e')
order by name, arguments;
