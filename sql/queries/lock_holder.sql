-- Who holds the advisory lock of the given key in this database.
select
  a.pid,
  a.application_name,
  a.client_addr::text as client,
  a.usename::text as role,
  a.backend_start
from pg_catalog.pg_locks as l
inner join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'advisory'
  and l.granted
  and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
  and ((l.classid::bigint << 32) | l.objid::bigint) = %(key)s
  and l.objsubid = 1;
