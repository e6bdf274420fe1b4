-- Indexes that a `create index concurrently` began and did not finish: nobody reads them, `if not exists` passes over them.
select pg_catalog.format('%I.%I', n.nspname, c.relname) as index_name
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on c.oid = i.indexrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not i.indisvalid
  -- That of a partitioned table is invalid for as long as one of its partitions lacks it: so it was backed up.
  and c.relkind = 'i'
  and n.nspname in ('public', 'stage1_internal')
order by index_name;
