-- Indexes that a `create index concurrently` began and did not finish: nobody reads them, `if not exists` passes over them.
select pg_catalog.format('%I.%I', n.nspname, c.relname) as index_name
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on c.oid = i.indexrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not i.indisvalid
  and n.nspname in ('public', 'stage1_internal')
order by index_name;
