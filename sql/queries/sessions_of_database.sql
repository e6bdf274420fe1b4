-- Who is connected to the database of the given name. Autovacuum gives way by itself.
select a.pid, a.usename::text as role, a.application_name, a.client_addr::text as client
from pg_catalog.pg_stat_activity as a
where a.datname = %(name)s and a.pid <> pg_catalog.pg_backend_pid() and a.backend_type not like 'autovacuum%%'
order by a.pid;
