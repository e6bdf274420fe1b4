-- The columns of every table and view of ours.
select
  n.nspname || '.' || c.relname as relation,
  a.attname as name,
  pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
  a.attnotnull as is_required,
  case a.attidentity when '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) else 'generated always as identity' end as default_value,
  pg_catalog.col_description(c.oid, a.attnum) as comment
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_class as c on c.oid = a.attrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where n.nspname in ('public', 'stage1_internal')
  and c.relkind in ('r', 'p', 'v', 'm')
  and a.attnum > 0 and not a.attisdropped
order by relation, a.attnum;
