-- What is missing between the role matrix and this database, each with the statement that mends it. No row = nothing is missing.
-- Views and functions are handed to the owner only after the tables are: a view of an owner who may not read the table answers nobody.
-- Every text literal has a name: PostgreSQL prints a nameless one otherwise after a restore, which would look like drift.
-- With the rights of the reader: while tables have been handed to the owner and this view not yet, its own owner may not read them.
-- depends: role_matrix
create or replace view stage1_internal.role_gaps (step, subject, gap, remedy) with (security_invoker = true) as
with our_roles as (
  select 'stage1_owner' as role_name, 'nologin' as login
  union
  select m.role_name, 'login' as login from stage1_internal.role_matrix as m
), our_tables as (
  select c.oid, n.nspname, c.relname, c.relkind, c.relowner
  from pg_catalog.pg_class as c
  inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'S')
    and (
      n.nspname = 'stage1_internal'
      or pg_catalog.format('%s.%s', n.nspname, c.relname) in (select m.object_name from stage1_internal.role_matrix as m)
      or pg_catalog.format('%s.%s', n.nspname, c.relname) in (select d.object_name from stage1_internal.deployed_objects as d)
    )
    -- A sequence of an identity column follows its table.
    and not exists (
      select 1 from pg_catalog.pg_depend as d
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype in ('i', 'a') and c.relkind = 'S'
    )
), our_functions as (
  select
    p.oid, n.nspname, p.proname, p.proowner, p.proacl,
    pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as identity
  from pg_catalog.pg_proc as p
  inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
  where n.nspname = 'stage1_internal'
    or pg_catalog.format('%s.%s', n.nspname, p.proname) in (select d.object_name from stage1_internal.deployed_objects as d)
), owner as (
  select r.oid from pg_catalog.pg_roles as r where r.rolname = 'stage1_owner'
), tables_are_handed as (
  select not exists (
    select 1 from our_tables as t cross join owner as o where t.relkind in ('r', 'p') and t.relowner <> o.oid
  ) as done
), gaps as (
  select
    1 as step,
    pg_catalog.format('role %s', r.role_name) as subject,
    'does not exist' as gap,
    pg_catalog.format('create role %I %s', r.role_name, r.login) as remedy
  from our_roles as r
  where not exists (select 1 from pg_catalog.pg_roles as p where p.rolname = r.role_name)

  union all
  select
    2,
    pg_catalog.format('role %s', current_user),
    'is not a member of stage1_owner, to whom the objects go' as gap,
    pg_catalog.format('grant stage1_owner to %I', current_user)
  from owner as o
  where not pg_catalog.pg_has_role(current_user, o.oid, 'usage')
    and exists (select 1 from our_tables as t where t.relowner <> o.oid and pg_catalog.pg_has_role(current_user, t.relowner, 'usage'))

  union all
  select
    3,
    pg_catalog.format('schema %s', n.nspname),
    'does not let stage1_owner create objects' as gap,
    pg_catalog.format('grant usage, create on schema %I to stage1_owner', n.nspname)
  from owner as o
  inner join pg_catalog.pg_namespace as n on n.nspname in ('public', 'stage1_internal')
  where not pg_catalog.has_schema_privilege(o.oid, n.oid, 'create')

  union all
  select
    4,
    pg_catalog.format('table %s.%s', t.nspname, t.relname),
    pg_catalog.format('belongs to %s, not to stage1_owner', pg_catalog.pg_get_userbyid(t.relowner)),
    pg_catalog.format('alter table %I.%I owner to stage1_owner', t.nspname, t.relname)
  from our_tables as t
  cross join owner as o
  where t.relkind in ('r', 'p') and t.relowner <> o.oid

  union all
  select
    5,
    pg_catalog.format('%s.%s', t.nspname, t.relname),
    pg_catalog.format('belongs to %s, not to stage1_owner', pg_catalog.pg_get_userbyid(t.relowner)),
    pg_catalog.format('alter table %I.%I owner to stage1_owner', t.nspname, t.relname)
  from our_tables as t
  cross join owner as o
  cross join tables_are_handed as h
  where t.relkind in ('v', 'm', 'S') and t.relowner <> o.oid and h.done

  union all
  select
    5,
    pg_catalog.format('function %s', f.identity),
    pg_catalog.format('belongs to %s, not to stage1_owner', pg_catalog.pg_get_userbyid(f.proowner)),
    pg_catalog.format('alter function %s owner to stage1_owner', f.identity)
  from our_functions as f
  cross join owner as o
  cross join tables_are_handed as h
  where f.proowner <> o.oid and h.done

  union all
  select
    5,
    'schema stage1_internal' as subject,
    pg_catalog.format('belongs to %s, not to stage1_owner', pg_catalog.pg_get_userbyid(n.nspowner)),
    'alter schema stage1_internal owner to stage1_owner' as remedy
  from pg_catalog.pg_namespace as n
  cross join owner as o
  cross join tables_are_handed as h
  where n.nspname = 'stage1_internal' and n.nspowner <> o.oid and h.done

  union all
  select
    6,
    pg_catalog.format('function %s', f.identity),
    'can be executed by everybody' as gap,
    pg_catalog.format('revoke all on function %s from public', f.identity)
  from our_functions as f
  where f.proacl is null
    or exists (select 1 from pg_catalog.aclexplode(f.proacl) as a where a.grantee = 0)

  union all
  select
    7,
    pg_catalog.format('role %s', m.role_name),
    pg_catalog.format('may not %s %s %s', m.privilege, m.object_kind, m.object_name),
    pg_catalog.format('grant %s on %s %s to %I', m.privilege, m.object_kind, m.object_name, m.role_name)
  from stage1_internal.role_matrix as m
  inner join pg_catalog.pg_roles as r on r.rolname = m.role_name
  left join our_functions as f on m.object_kind = 'function' and m.object_name = pg_catalog.format('%s.%s', f.nspname, f.proname)
  where not coalesce(
    case m.object_kind
      when 'schema' then pg_catalog.has_schema_privilege(r.oid, pg_catalog.to_regnamespace(m.object_name)::oid, m.privilege)
      when 'table' then pg_catalog.has_table_privilege(r.oid, pg_catalog.to_regclass(m.object_name)::oid, m.privilege)
      when 'function' then pg_catalog.has_function_privilege(r.oid, f.oid, m.privilege)
    end,
    false
  )
)
select distinct g.step, g.subject, g.gap, g.remedy from gaps as g;

comment on view stage1_internal.role_gaps is
  'What is missing between the role matrix and this database, each with the statement that mends it.';
