-- What would fall with an object: everything that PostgreSQL knows to depend on it, at any distance.
-- plpgsql bodies are not tracked by PostgreSQL and are not seen here; they survive a drop and find the object again by name.
-- depends: stage1_internal
create or replace function stage1_internal.object_dependants(
  p_catalog_id regclass,
  p_object_id  oid
)
  returns table (
    object_name     text,
    object_identity text
  )
  language sql
  stable
  set search_path = ''
as $function$
  with recursive direct as (
    -- A view depends on others through its rule: the rule stands for the view.
    select
      case when d.classid = 'pg_catalog.pg_rewrite'::regclass then 'pg_catalog.pg_class'::regclass::oid else d.classid end as class_id,
      case when d.classid = 'pg_catalog.pg_rewrite'::regclass then r.ev_class else d.objid end as object_id,
      d.refclassid as on_class_id,
      d.refobjid as on_object_id
    from pg_depend as d
    left join pg_rewrite as r on d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
    where d.deptype in ('n', 'a', 'i')
  ), reached as (
    select d.class_id, d.object_id
    from direct as d
    where d.on_class_id = p_catalog_id and d.on_object_id = p_object_id
      and (d.class_id, d.object_id) <> (p_catalog_id::oid, p_object_id)
    union
    select d.class_id, d.object_id
    from reached as r
    inner join direct as d on d.on_class_id = r.class_id and d.on_object_id = r.object_id
    where (d.class_id, d.object_id) <> (p_catalog_id::oid, p_object_id)
  )
  select
    case
      when r.class_id = 'pg_catalog.pg_class'::regclass then (
        select format('%s.%s', n.nspname, c.relname)
        from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace where c.oid = r.object_id
      )
      when r.class_id = 'pg_catalog.pg_proc'::regclass then (
        select format('%s.%s', n.nspname, p.proname)
        from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace where p.oid = r.object_id
      )
    end,
    pg_describe_object(r.class_id, r.object_id, 0)
  from reached as r
  where r.class_id <> 'pg_catalog.pg_type'::regclass
$function$;

comment on function stage1_internal.object_dependants(regclass, oid) is
  'Lists what depends on an object, at any distance.';
