-- With `purpose` lock: one statement that keeps all tables whose rows are counted from being dropped, truncated or rewritten, and
-- none where there are none. With `purpose` count: for each of them a statement that counts its rows and adds up their hashes:
-- equal where the rows are equal, in whatever order they lie and whatever columns were dropped before them. Partitions are
-- counted each, their parents not.
-- The hash of a row is that of its columns, each seeded with its place among their names: with inheritance a restore puts them
-- into another order. The functions are those of hash partitioning, which PostgreSQL keeps the same from version to version; a text
-- is hashed by its bytes, whatever its collation.
-- What has no function of its own is hashed as text: see fingerprint_settings.
with columns as (
  select
    a.attrelid,
    pg_catalog.quote_ident(a.attname) as name,
    a.atttypid,
    pg_catalog.row_number() over (partition by a.attrelid order by a.attname::text collate pg_catalog."C") as place
  from pg_catalog.pg_attribute as a
  where a.attnum > 0 and not a.attisdropped
), hashes as (
  select
    h.attrelid,
    pg_catalog.string_agg(
      pg_catalog.format(
        'coalesce(pg_catalog.%%s(%%s, %%s), %%L::bigint)',
        case
          when h.atttypid in ('pg_catalog.text'::pg_catalog.regtype, 'pg_catalog.varchar'::pg_catalog.regtype) then 'hashtextextended'
          when h.atttypid = 'pg_catalog.int2'::pg_catalog.regtype then 'hashint2extended'
          when h.atttypid = 'pg_catalog.int4'::pg_catalog.regtype then 'hashint4extended'
          when h.atttypid = 'pg_catalog.int8'::pg_catalog.regtype then 'hashint8extended'
          when h.atttypid = 'pg_catalog.numeric'::pg_catalog.regtype then 'hash_numeric_extended'
          when h.atttypid in ('pg_catalog.timestamptz'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype)
            then 'timestamp_hash_extended'
          when h.atttypid = 'pg_catalog.uuid'::pg_catalog.regtype then 'uuid_hash_extended'
          when h.atttypid = 'pg_catalog.jsonb'::pg_catalog.regtype then 'jsonb_hash_extended'
          else 'hashtextextended'
        end,
        case
          when h.atttypid in ('pg_catalog.text'::pg_catalog.regtype, 'pg_catalog.varchar'::pg_catalog.regtype)
            then h.name || ' collate pg_catalog."C"'
          when h.atttypid = 'pg_catalog.timestamptz'::pg_catalog.regtype then h.name || ' at time zone ''UTC'''
          when h.atttypid in (
            'pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype, 'pg_catalog.int8'::pg_catalog.regtype,
            'pg_catalog.numeric'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype,
            'pg_catalog.uuid'::pg_catalog.regtype, 'pg_catalog.jsonb'::pg_catalog.regtype
          ) then h.name
          else h.name || '::text collate pg_catalog."C"'
        end,
        h.place,
        -- A null is told from every value: no value is hashed with these seeds.
        pg_catalog.hashint8extended(h.place, -h.place)
      ),
      ' # ' order by h.place
    ) as expression
  from columns as h
  group by h.attrelid
), counted as (
  select c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) as table_name
  from pg_catalog.pg_class as c
  inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.relkind = 'r'
    and c.relpersistence = 'p'
    and n.nspname not in ('pg_catalog', 'information_schema')
    and n.nspname not like 'pg\_toast%%'
    and n.nspname not like 'pg\_temp%%'
    and not exists (
      select 1
      from pg_catalog.pg_depend as d
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
    )
), statements as (
  select
    'lock' as purpose,
    '' as table_name,
    'lock table only ' || pg_catalog.string_agg(t.table_name, ', only ' order by t.oid) || ' in access share mode' as statement
  from counted as t
  having pg_catalog.count(*) > 0
  union all
  select
    'count',
    t.table_name,
    pg_catalog.format(
      'select pg_catalog.count(*) as row_count, coalesce(pg_catalog.sum(%%s), 0)::text as fingerprint from only %%s',
      coalesce(h.expression, '0::bigint'),
      t.table_name
    )
  from counted as t
  left join hashes as h on h.attrelid = t.oid
)
select s.table_name, s.statement
from statements as s
where s.purpose = %(purpose)s
order by s.table_name collate "C";
