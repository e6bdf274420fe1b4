-- How a scratch database goes, together with the sessions that a killed run has left in it. None for another name.
select pg_catalog.format('drop database if exists %%I with (force)', n.name) as statement
from (select %(name)s::text as name) as n
where n.name ~ '^stage1_scratch_[0-9a-f]{12}$';
