-- The database of the given name, if there is one: whether this role may rename it, and what stands in the way of that.
select
  pg_catalog.pg_has_role(d.datdba, 'usage') as is_owned,
  (
    select pg_catalog.string_agg(p.gid, ', ' order by p.gid)
    from pg_catalog.pg_prepared_xacts as p
    where p.database = d.datname
  ) as prepared
from pg_catalog.pg_database as d
where d.datname = %(name)s;
