-- What there is in the database beside its tables: the extensions, and how many objects of each kind.
select
  (
    select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', e.extname, 'version', e.extversion) order by e.extname), '[]')
    from pg_catalog.pg_extension as e
  ) as extensions,
  (
    select pg_catalog.json_build_object(
      'tables', pg_catalog.count(*) filter (where o.kind in ('r', 'p')),
      'indexes', pg_catalog.count(*) filter (where o.kind in ('i', 'I')),
      'constraints', pg_catalog.count(*) filter (where o.kind = 'constraint'),
      'triggers', pg_catalog.count(*) filter (where o.kind = 'trigger'),
      'functions', pg_catalog.count(*) filter (where o.kind = 'function'),
      'views', pg_catalog.count(*) filter (where o.kind in ('v', 'm')),
      'sequences', pg_catalog.count(*) filter (where o.kind = 'S')
    )
    from (
      select
        c.relkind::text as kind,
        c.relnamespace as namespace,
        'pg_catalog.pg_class'::pg_catalog.regclass as catalog,
        c.oid,
        coalesce(i.indrelid, 0) as relation,
        0 as type
      from pg_catalog.pg_class as c
      left join pg_catalog.pg_index as i on i.indexrelid = c.oid
      -- An index that a failed `create index concurrently` has left is in no dump.
      where c.relkind <> 'i' or i.indisvalid
      union all
      -- Not-null constraints are rows of their own from version 18 on.
      select 'constraint', c.connamespace, 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid, c.conrelid, c.contypid
      from pg_catalog.pg_constraint as c
      where c.contype not in ('n', 't')
      union all
      select 'trigger', c.relnamespace, 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, t.tgrelid, 0
      from pg_catalog.pg_trigger as t
      inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
      where not t.tgisinternal
      union all
      select 'function', p.pronamespace, 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0, 0
      from pg_catalog.pg_proc as p
    ) as o
    inner join pg_catalog.pg_namespace as n on n.oid = o.namespace
    where n.nspname not in ('pg_catalog', 'information_schema')
      and n.nspname not like 'pg\_toast%'
      and n.nspname not like 'pg\_temp%'
      -- What an extension makes is not dumped, and only the table itself is marked as its own.
      and not exists (
        select 1
        from pg_catalog.pg_depend as x
        where x.deptype = 'e'
          and (
            (x.classid = o.catalog and x.objid = o.oid)
            or (x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and x.objid = o.relation)
            or (x.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and x.objid = o.type)
          )
      )
  ) as objects;
