-- An index that `create index concurrently` began and did not finish costs every write and is read by nobody.
create or replace view public.invalid_indexes as
select
  'invalid_indexes' as check_name,
  'error' as severity,
  format('%I.%I', n.nspname, c.relname) as subject,
  format(
    'nobody reads this index of %s; unless it is being built now: reindex index concurrently %I.%I',
    i.indrelid::regclass, n.nspname, c.relname
  ) as detail
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on c.oid = i.indexrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not i.indisvalid and n.nspname in ('public', 'stage1_internal');

comment on view public.invalid_indexes is
'Indexes that are not whole, so that nobody reads them.';
