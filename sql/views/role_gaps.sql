-- What lies between the role matrix and this database, each with the statement that mends it. No row = nothing.
-- Steps 1 to 7 are missing and sql/roles.sql does them as far as it may; from 8 on it is too much, and only reported.
-- The rows of all steps, in order, are one script: what waits for an earlier step is here before that step is done.
-- Every text literal has a name: PostgreSQL prints a nameless one otherwise after a restore, which would look like drift.
-- With the rights of the reader: its own owner may not read tables that have been handed over already.
-- depends: role_matrix
create or replace view stage1_internal.role_gaps (step, subject, gap, remedy, kind) with (security_invoker = true) as
with our_roles as (
  -- A role that does not exist yet may what everybody may: the oid 0 is PUBLIC.
  select n.role_name, n.login, coalesce(r.oid, 0) as oid, r.rolsuper, r.rolcreaterole, r.rolbypassrls, r.rolcreatedb, r.rolreplication,
    r.rolcanlogin
  from (
    select 'stage1_owner' as role_name, 'nologin' as login
    union
    select m.role_name, 'login' as login from stage1_internal.role_matrix as m
  ) as n
  left join pg_catalog.pg_roles as r on r.rolname = n.role_name
), owner as (
  select r.oid from our_roles as r where r.role_name = 'stage1_owner'
), our_names as (
  select m.object_name from stage1_internal.role_matrix as m
  union
  select d.object_name from stage1_internal.deployed_objects as d
), found as (
  -- A sequence of a column is a part of its table and follows it.
  select
    'pg_catalog.pg_class'::pg_catalog.regclass::oid as catalog_id, c.oid, coalesce(d.refobjid, c.oid) as part_of, 'table' as matrix_kind,
    n.nspname as schema_name, pg_catalog.format('%s.%s', n.nspname, w.relname) as object_name, c.relowner as owner_oid,
    coalesce(c.relacl, case c.relkind
      when 'S' then pg_catalog.acldefault('s', c.relowner) else pg_catalog.acldefault('r', c.relowner) end) as acl
  from pg_catalog.pg_class as c
  left join pg_catalog.pg_depend as d
    on c.relkind = 'S' and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.refclassid = d.classid
      and d.deptype in ('i', 'a')
  inner join pg_catalog.pg_class as w on w.oid = coalesce(d.refobjid, c.oid)
  inner join pg_catalog.pg_namespace as n on n.oid = w.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'S')
  union all
  select
    'pg_catalog.pg_proc'::pg_catalog.regclass::oid, p.oid, p.oid as part_of, 'function' as matrix_kind,
    n.nspname, pg_catalog.format('%s.%s', n.nspname, p.proname), p.proowner,
    coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
  from pg_catalog.pg_proc as p
  inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
  union all
  select
    'pg_catalog.pg_namespace'::pg_catalog.regclass::oid, n.oid, n.oid as part_of, 'schema' as matrix_kind,
    n.nspname, n.nspname as object_name, n.nspowner, coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))
  from pg_catalog.pg_namespace as n
), objects as (
  select
    f.oid, f.part_of, f.matrix_kind, f.schema_name, f.object_name, f.owner_oid, f.acl, i.type, i.identity,
    case when i.type in ('view', 'materialized view') then 'table' else i.type end as grant_on,
    exists (select 1 from pg_catalog.aclexplode(f.acl) as a where a.grantee = 0) as is_open,
    f.matrix_kind = 'schema' and f.object_name = 'public' as is_public_schema
  from found as f
  cross join lateral pg_catalog.pg_identify_object(f.catalog_id, f.oid, 0) as i
  where f.schema_name = 'stage1_internal' or f.object_name in (select n.object_name from our_names as n)
), handed_over as (
  select o.oid, o.owner_oid, o.type, o.identity
  from objects as o
  cross join owner as w
  where o.owner_oid <> w.oid and o.part_of = o.oid and not o.is_public_schema
), joining as (
  -- Whoever migrates becomes a member of the owner, unless it is one of the weak roles.
  select r.oid, r.rolname
  from pg_catalog.pg_roles as r
  cross join owner as w
  where r.rolname = current_user
    and r.rolname not in (select m.role_name from stage1_internal.role_matrix as m)
    and not pg_catalog.pg_has_role(r.oid, w.oid, 'usage')
    and exists (select 1 from handed_over as h where pg_catalog.pg_has_role(r.oid, h.owner_oid, 'usage'))
), kept as (
  -- An old client goes on working: what the old owner could do as owner it may do by grant, unless it can do so anyway.
  select o.part_of, o.owner_oid, pg_catalog.string_agg(
      pg_catalog.format('; grant %s on %s %s to %I', p.names, o.grant_on, o.identity, pg_catalog.pg_get_userbyid(o.owner_oid)), ''
      order by o.identity
    ) as grants
  from objects as o
  cross join owner as w
  cross join lateral (
    select pg_catalog.lower(pg_catalog.string_agg(a.privilege_type, ', ' order by a.privilege_type)) as names
    from pg_catalog.aclexplode(o.acl) as a
    where a.grantee = o.owner_oid
  ) as p
  where p.names is not null and o.schema_name <> 'stage1_internal' and not o.is_public_schema
    and not pg_catalog.pg_has_role(o.owner_oid, w.oid, 'usage')
    and o.owner_oid not in (select j.oid from joining as j)
  group by o.part_of, o.owner_oid
), gaps as (
  select
    1 as step, pg_catalog.format('role %s', r.role_name) as subject, 'does not exist' as gap,
    pg_catalog.format('create role %I %s', r.role_name, r.login) as remedy
  from our_roles as r where r.oid = 0
  union all
  -- From 16 on a membership itself says whether it inherits.
  select
    2, pg_catalog.format('role %s', j.rolname), 'is not a member of stage1_owner, to whom the objects go' as gap,
    pg_catalog.format('grant stage1_owner to %I%s', j.rolname,
      case when pg_catalog.current_setting('server_version_num')::integer >= 160000 then ' with inherit true, set true' end)
  from joining as j
  union all
  select
    3, pg_catalog.format('schema %s', n.nspname), 'does not let stage1_owner create objects' as gap,
    pg_catalog.format('grant usage, create on schema %I to stage1_owner', n.nspname)
  from owner as w
  inner join pg_catalog.pg_namespace as n on n.nspname in ('public', 'stage1_internal')
  where not (pg_catalog.has_schema_privilege(w.oid, n.oid, 'usage') and pg_catalog.has_schema_privilege(w.oid, n.oid, 'create'))
  union all
  select
    3, pg_catalog.format('database %s', d.datname), 'does not let stage1_owner make temporary tables' as gap,
    pg_catalog.format('grant temporary on database %I to stage1_owner', d.datname)
  from owner as w cross join pg_catalog.pg_database as d
  where d.datname = pg_catalog.current_database() and not pg_catalog.has_database_privilege(w.oid, d.oid, 'temporary')
  union all
  select
    3, 'schema public' as subject,
    pg_catalog.format('cannot be used by %s, whose objects go to stage1_owner', pg_catalog.pg_get_userbyid(k.owner_oid)),
    pg_catalog.format('grant usage on schema public to %I', pg_catalog.pg_get_userbyid(k.owner_oid))
  from kept as k
  where not pg_catalog.has_schema_privilege(k.owner_oid, 'public', 'usage')
  union all
  -- Views and functions after the tables: a view of an owner who may not read the table answers nobody.
  select
    case h.type when 'table' then 4 else 5 end, pg_catalog.format('%s %s', h.type, h.identity),
    pg_catalog.format('belongs to %s, not to stage1_owner', pg_catalog.pg_get_userbyid(h.owner_oid)),
    pg_catalog.format('alter %s %s owner to stage1_owner%s', h.type, h.identity, k.grants)
  from handed_over as h
  left join kept as k on k.part_of = h.oid
  union all
  select
    6, pg_catalog.format('function %s', o.identity), 'can be executed by everybody' as gap,
    pg_catalog.format('revoke all on %s %s from public', o.type, o.identity)
  from objects as o
  where o.matrix_kind = 'function' and o.is_open
  union all
  -- What a role may only because everybody may ends with step 6 or 10 (but in schema public), what it may as owner with step 5.
  select
    7, pg_catalog.format('role %s', m.role_name),
    pg_catalog.format('is not granted %s on %s %s', m.privilege, m.object_kind, m.object_name),
    pg_catalog.format('grant %s on %s %s to %I', m.privilege, m.object_kind, m.object_name, m.role_name)
  from stage1_internal.role_matrix as m
  inner join our_roles as r on r.role_name = m.role_name
  where not exists (
    select 1
    from objects as o
    cross join lateral pg_catalog.aclexplode(o.acl) as a
    where o.matrix_kind = m.object_kind and o.object_name = m.object_name and a.privilege_type = pg_catalog.upper(m.privilege)
      and case a.grantee when 0 then o.is_public_schema else pg_catalog.pg_has_role(r.oid, a.grantee, 'usage') end
      and not (o.schema_name = 'stage1_internal' and a.grantee = o.owner_oid and a.grantee <> (select w.oid from owner as w))
  )
  union all
  select
    7, pg_catalog.format('role %s', r.role_name), pg_catalog.format('may not connect to database %s', pg_catalog.current_database()),
    pg_catalog.format('grant connect on database %I to %I', pg_catalog.current_database(), r.role_name)
  from our_roles as r
  where r.role_name <> 'stage1_owner' and not pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'connect')
  union all
  select
    8, pg_catalog.format('role %s', r.role_name), pg_catalog.format('has the attribute %s', a.name),
    pg_catalog.format('alter role %I no%s', r.role_name, a.name)
  from our_roles as r
  cross join lateral (
    values ('superuser', r.rolsuper), ('createrole', r.rolcreaterole), ('bypassrls', r.rolbypassrls)
    union all
    select o.name, o.is_set
    from (values ('login', r.rolcanlogin), ('createdb', r.rolcreatedb), ('replication', r.rolreplication)) as o (name, is_set)
    where r.role_name = 'stage1_owner'
  ) as a (name, is_set)
  where a.is_set
  union all
  -- The last link of the chain is what goes; from 16 on it is known by its grantor, too.
  select
    9, pg_catalog.format('role %s', r.role_name), 'is a member of stage1_owner' as gap,
    pg_catalog.format('revoke %I from %I', pg_catalog.pg_get_userbyid(m.roleid), r.role_name) || case
      when pg_catalog.current_setting('server_version_num')::integer >= 160000
        then pg_catalog.format(' granted by %I', pg_catalog.pg_get_userbyid(m.grantor)) else '' end
  from our_roles as r
  inner join pg_catalog.pg_auth_members as m on m.member = r.oid
  cross join owner as w
  where r.role_name <> 'stage1_owner' and w.oid <> 0 and pg_catalog.pg_has_role(m.roleid, w.oid, 'member')
  union all
  -- A revoke from the table takes the grants of its columns along.
  select
    10, pg_catalog.format('%s %s', o.type, o.identity), 'is open to everybody' as gap,
    pg_catalog.format('revoke all on %s %s from public', o.grant_on, o.identity)
  from objects as o
  where o.matrix_kind <> 'function' and not o.is_public_schema and (o.is_open or exists (
    select 1
    from pg_catalog.pg_attribute as t
    cross join lateral pg_catalog.aclexplode(t.attacl) as a
    where o.matrix_kind = 'table' and t.attrelid = o.oid and a.grantee = 0
  ))
)
select distinct g.step, g.subject, g.gap, g.remedy, case when g.step < 8 then 'missing' else 'excess' end as kind
from gaps as g;

comment on view stage1_internal.role_gaps is
  'What is missing or too much between the role matrix and this database, each with the statement that mends it.';
