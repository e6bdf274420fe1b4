-- Keeps the text and the grants of whatever exists under a name, before it is dropped or overwritten.
-- Grants to our own roles and to PUBLIC are not kept: the role matrix decides about those.
-- depends: existing_objects replaced_objects
create or replace function stage1_internal.keep_object(
  p_object_name text,
  p_reason      text
)
  returns void
  language sql
  set search_path = ''
as $function$
  insert into stage1_internal.replaced_objects (object_name, object_identity, definition, owner_name, grants, reason)
  select
    o.object_name,
    o.object_identity,
    o.definition,
    o.owner_name,
    coalesce(array_agg(acl.privilege_type || ' to ' || pg_get_userbyid(acl.grantee)) filter (where acl.grantee is not null), '{}'),
    p_reason
  from stage1_internal.existing_objects(array[p_object_name]) as o
  left join pg_proc as p on o.catalog_id = 'pg_catalog.pg_proc'::regclass and p.oid = o.object_id
  left join pg_class as c on o.catalog_id = 'pg_catalog.pg_class'::regclass and c.oid = o.object_id
  left join lateral (
    select a.privilege_type, a.grantee
    from aclexplode(coalesce(p.proacl, c.relacl)) as a
    where a.grantee not in (0, coalesce(p.proowner, c.relowner))
      and pg_get_userbyid(a.grantee) not like 'stage1\_%'
  ) as acl on true
  group by o.object_name, o.object_identity, o.definition, o.owner_name
$function$;

comment on function stage1_internal.keep_object(text, text) is
  'Keeps the text and the grants of what exists under a name before it is replaced.';
