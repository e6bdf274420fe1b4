-- The functions and views that exist under the given names, with a checksum of their definition.
-- Names are schema.name. A name has several rows where a function has overloads.
-- depends: stage1_internal
create or replace function stage1_internal.existing_objects(
  p_names text[]
)
  returns table (
    object_name       text,
    object_identity   text,
    object_kind       text,
    catalog_id        regclass,
    object_id         oid,
    owner_name        text,
    definition        text,
    definition_sha256 text
  )
  language sql
  stable
  set search_path = ''
as $function$
  with wanted as (
    select
      name,
      split_part(name, '.', 1) as schema_name,
      split_part(name, '.', 2) as bare_name
    from unnest(p_names) as names(name)
  ), found as (
    select
      w.name as object_name,
      format('%s(%s)', w.name, pg_get_function_identity_arguments(p.oid)) as object_identity,
      case p.prokind when 'p' then 'procedure' else 'function' end as object_kind,
      'pg_catalog.pg_proc'::regclass as catalog_id,
      p.oid as object_id,
      pg_get_userbyid(p.proowner)::text as owner_name,
      pg_get_functiondef(p.oid) as definition
    from wanted as w
    inner join pg_namespace as n on n.nspname = w.schema_name
    inner join pg_proc as p on p.pronamespace = n.oid and p.proname = w.bare_name and p.prokind in ('f', 'p')
    union all
    select
      w.name,
      w.name,
      case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
      'pg_catalog.pg_class'::regclass,
      c.oid,
      pg_get_userbyid(c.relowner)::text,
      case when c.relkind in ('v', 'm') then
        format(
          e'create or replace %s %s (%s)%s as\n%s',
          case c.relkind when 'v' then 'view' else 'materialized view' end,
          w.name,
          (
            select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
            from pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          ),
          coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', ''),
          pg_get_viewdef(c.oid)
        )
      else '' end
    from wanted as w
    inner join pg_namespace as n on n.nspname = w.schema_name
    inner join pg_class as c on c.relnamespace = n.oid and c.relname = w.bare_name and c.relkind in ('v', 'm', 'r', 'p', 'f')
  )
  select
    found.object_name,
    found.object_identity,
    found.object_kind,
    found.catalog_id,
    found.object_id,
    found.owner_name,
    found.definition,
    encode(sha256(convert_to(found.definition, 'UTF8')), 'hex')
  from found
$function$;

comment on function stage1_internal.existing_objects(text[]) is
  'Lists the functions and views that exist under the given names, with a checksum of their definition.';
