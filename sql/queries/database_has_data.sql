-- Whether any table of the database occupies disk, and so may hold rows. Runs before any function of ours exists.
-- Nothing is read or counted: an emptied table counts as one with rows; better a backup too many than data without one.
select exists (
  select 1
  from pg_catalog.pg_class as c
  inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.relkind = 'r'
    and n.nspname not in ('pg_catalog', 'information_schema', 'stage1_internal')
    and n.nspname not like 'pg\_toast%'
    and n.nspname not like 'pg\_temp%'
    and pg_catalog.pg_relation_size(c.oid) > 0
) as has_data;
