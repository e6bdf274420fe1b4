-- The databases into which backups are restored before they are proven; nothing else is ever named so.
select d.datname::text as database_name
from pg_catalog.pg_database as d
where d.datname ~ '^stage1_scratch_[0-9a-f]{12}$' and not d.datistemplate
order by d.datname;
