-- One statement that keeps all tables whose rows are counted from being dropped, truncated or rewritten; none where there are none.
-- It takes no snapshot: the snapshot that follows it sees them all.
select 'lock table only ' || pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, c.relname), ', only ' order by c.oid)
  || ' in access share mode' as statement
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r'
  and c.relpersistence = 'p'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname not like 'pg\_toast%'
  and n.nspname not like 'pg\_temp%'
  and not exists (
    select 1
    from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
  )
having pg_catalog.count(*) > 0;
