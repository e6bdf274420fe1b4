-- Keeps the text and the grants of whatever exists under a name, before it is dropped or overwritten.
-- Grants of columns and the right to pass a grant on are among them; what PUBLIC may is decided by the role matrix.
-- What the owner could do as owner is kept like a grant, since the new object will belong to another one; not that of a
-- superuser or a member of stage1_owner, who can do it anyway.
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
    array(
      select
        a.privilege_type || coalesce(' (' || quote_ident(entry.column_name) || ')', '')
          || ' to ' || quote_ident(pg_get_userbyid(a.grantee)) || case when a.is_grantable then ' with grant option' else '' end
      from (
        select coalesce(p.proacl, acldefault('f', p.proowner)) as acl, p.proowner as owner, null as column_name
        from pg_proc as p
        where o.catalog_id = 'pg_catalog.pg_proc'::regclass and p.oid = o.object_id
        union all
        select coalesce(c.relacl, acldefault('r', c.relowner)), c.relowner, null
        from pg_class as c
        where o.catalog_id = 'pg_catalog.pg_class'::regclass and c.oid = o.object_id
        union all
        select t.attacl, c.relowner, t.attname
        from pg_attribute as t inner join pg_class as c on c.oid = t.attrelid
        where o.catalog_id = 'pg_catalog.pg_class'::regclass and t.attrelid = o.object_id
      ) as entry
      cross join lateral aclexplode(entry.acl) as a
      inner join pg_roles as r on r.oid = a.grantee
      where a.grantee <> entry.owner
        or not (r.rolsuper or coalesce(pg_has_role(r.oid, to_regrole('stage1_owner')::oid, 'usage'), false))
    ),
    p_reason
  from stage1_internal.existing_objects(array[p_object_name]) as o
$function$;

comment on function stage1_internal.keep_object(text, text) is
  'Keeps the text and the grants of what exists under a name before it is replaced.';
