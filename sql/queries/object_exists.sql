-- Whether a schema, table, view or function of the given name exists.
select
  pg_catalog.to_regclass(%(name)s) is not null
  or exists (select 1 from pg_catalog.pg_namespace as n where n.nspname = %(name)s)
  or exists (
    select 1
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = pg_catalog.split_part(%(name)s, '.', 1) and p.proname = pg_catalog.split_part(%(name)s, '.', 2)
  ) as found;
