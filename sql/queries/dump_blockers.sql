-- The sessions for which the session of an application_name waits; 0 stands for a prepared transaction.
select distinct b.pid
from pg_catalog.pg_stat_activity as a
cross join lateral pg_catalog.unnest(pg_catalog.pg_blocking_pids(a.pid)) as b (pid)
where a.application_name = %(application_name)s
order by b.pid;
