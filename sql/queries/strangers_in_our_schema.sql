-- What stands in stage1_internal when none of our ledgers does: then the schema is somebody else's.
select
  pg_catalog.pg_get_userbyid(n.nspowner)::text as owner_name,
  c.relname::text as example
from pg_catalog.pg_namespace as n
inner join pg_catalog.pg_class as c on c.relnamespace = n.oid
where n.nspname = 'stage1_internal'
  and not exists (
    select 1
    from pg_catalog.pg_class as l
    inner join pg_catalog.pg_attribute as a on a.attrelid = l.oid
    where l.relnamespace = n.oid
      and (l.relname, a.attname) in (
        ('applied_migrations', 'migration_id'), ('deployed_objects', 'file_sha256'), ('_yoyo_migration', 'migration_hash')
      )
  )
order by c.relname
limit 1;
