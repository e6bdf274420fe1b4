-- Which of the given names (schema.name) functions, views or tables have already. Asked before our own functions exist.
select n.nspname || '.' || p.proname as object_name
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname || '.' || p.proname = any(%(names)s)
union
select n.nspname || '.' || c.relname
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname || '.' || c.relname = any(%(names)s);
