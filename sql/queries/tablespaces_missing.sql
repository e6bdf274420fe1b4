-- Which of the given tablespaces the server lacks.
select n.name as tablespace_name
from pg_catalog.unnest(%(names)s::text[]) as n (name)
where not exists (select 1 from pg_catalog.pg_tablespace as t where t.spcname = n.name)
order by n.name;
