-- Whether any table of the database holds a row, without counting. Runs before any function of ours exists.
-- A table that may not be looked into counts by its size: better a backup too many than data without one.
select exists (
  select 1
  from pg_catalog.pg_class as c
  inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.relkind = 'r'
    and n.nspname not in ('pg_catalog', 'information_schema', 'stage1_internal')
    and n.nspname not like 'pg\_toast%'
    and n.nspname not like 'pg\_temp%'
    and case
      when pg_catalog.pg_relation_size(c.oid) = 0 then false
      when not pg_catalog.has_schema_privilege(n.oid, 'usage') then true
      when not pg_catalog.has_table_privilege(c.oid, 'select') then true
      else pg_catalog.query_to_xml(
        pg_catalog.format('select 1 from %I.%I limit 1', n.nspname, c.relname), false, true, ''
      )::text like '%<row%'
    end
) as has_data;
