-- Every table and view of ours, and its comment. yoyo's own bookkeeping is not ours.
select
  n.nspname || '.' || c.relname as name,
  case when c.relkind in ('v', 'm') then 'view' else 'table' end as kind,
  pg_catalog.pg_get_partkeydef(c.oid) as partition_key,
  pg_catalog.obj_description(c.oid, 'pg_class') as comment
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname in ('public', 'stage1_internal')
  and c.relkind in ('r', 'p', 'v', 'm')
  and c.relname not like '\_yoyo\_%' and c.relname <> 'yoyo_lock'
  and not exists (select 1 from pg_catalog.pg_depend as d where d.objid = c.oid and d.deptype = 'e')
order by name;
