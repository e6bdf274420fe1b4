-- What hangs on every table of ours, each as the statement that would make it: constraints, indexes, triggers.
-- PostgreSQL 18 keeps NOT NULL as constraints, too; those are columns' business here.
select * from (
  select
    c.conrelid::pg_catalog.regclass::text as relation,
    'constraint' as part,
    c.conname as name,
    pg_catalog.pg_get_constraintdef(c.oid) as definition,
    array_position(array['p', 'u', 'c', 'f'], c.contype::text) as place
  from pg_catalog.pg_constraint as c
  where c.contype in ('p', 'u', 'c', 'f')
    and c.connamespace in ('public'::pg_catalog.regnamespace, 'stage1_internal'::pg_catalog.regnamespace)
    and c.conrelid <> 0
  union all
  select i.indrelid::pg_catalog.regclass::text, 'index', i.indexrelid::pg_catalog.regclass::text, pg_catalog.pg_get_indexdef(i.indexrelid), 5
  from pg_catalog.pg_index as i
  inner join pg_catalog.pg_class as c on c.oid = i.indrelid
  where c.relnamespace in ('public'::pg_catalog.regnamespace, 'stage1_internal'::pg_catalog.regnamespace)
    and not exists (select 1 from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
  union all
  select t.tgrelid::pg_catalog.regclass::text, 'trigger', t.tgname, pg_catalog.pg_get_triggerdef(t.oid), 6
  from pg_catalog.pg_trigger as t
  inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
  where not t.tgisinternal
    and c.relnamespace in ('public'::pg_catalog.regnamespace, 'stage1_internal'::pg_catalog.regnamespace)
) as found
order by relation, place, name;
