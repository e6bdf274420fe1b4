-- Opens a run of the replay and returns its id. The caller holds the replay's lock, so that runs which are still marked as
-- running were killed: they are marked as stopped.
-- Whoever replays executes what others wrote, so it must be stage1_replay itself, logged in as itself (a strong session could
-- be talked out of a `set role`), without attributes, memberships or grants beyond the role matrix.
-- Locks: the rows of killed runs.
-- Security definer: the ledger is written by these functions alone.
-- Raises: S1R03 replay role too strong, 42501 when a grant of the matrix is missing.
-- depends: role_matrix
create or replace function stage1_internal.begin_replay(
  p_kind text default 'spool'
)
  returns bigint
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_role    pg_catalog.pg_roles;
  v_excess  text;
  v_missing text;
  v_id      bigint;
begin
  select r.* into strict v_role from pg_catalog.pg_roles as r where r.rolname = session_user;
  select left(string_agg(e.what, ', ' order by e.what), 1000) into v_excess
  from (
    select 'it is not stage1_replay' as what where v_role.rolname <> 'stage1_replay'
    union all
    select format('it has the attribute %s', a.name)
    from (
      values ('superuser', v_role.rolsuper), ('createrole', v_role.rolcreaterole), ('createdb', v_role.rolcreatedb),
        ('bypassrls', v_role.rolbypassrls), ('replication', v_role.rolreplication)
    ) as a (name, is_set)
    where a.is_set
    union all
    select format('it is a member of %s', pg_get_userbyid(m.roleid))
    from pg_catalog.pg_auth_members as m
    where m.member = v_role.oid
    union all
    select format('it may create objects in schema %I', n.nspname)
    from pg_catalog.pg_namespace as n
    where v_role.rolname = 'stage1_replay' and not v_role.rolsuper and has_schema_privilege(v_role.oid, n.oid, 'create')
    union all
    -- What was granted to the role itself, anywhere; what everybody may, it may as well.
    select format('it may %s on %s', lower(g.privilege_type), g.object_name)
    from (
      select format('%s.%s', n.nspname, c.relname) as object_name, a.privilege_type, a.grantee
      from pg_catalog.pg_class as c
      inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      cross join lateral aclexplode(c.relacl) as a
      union all
      select format('column %s of %s.%s', t.attname, n.nspname, c.relname), a.privilege_type, a.grantee
      from pg_catalog.pg_attribute as t
      inner join pg_catalog.pg_class as c on c.oid = t.attrelid
      inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      cross join lateral aclexplode(t.attacl) as a
      union all
      select format('%s.%s', n.nspname, p.proname), a.privilege_type, a.grantee
      from pg_catalog.pg_proc as p
      inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
      cross join lateral aclexplode(p.proacl) as a
    ) as g
    where g.grantee = v_role.oid and v_role.rolname = 'stage1_replay' and not exists (
      select 1
      from stage1_internal.role_matrix as m
      where m.role_name = 'stage1_replay' and m.object_name = g.object_name and m.privilege = lower(g.privilege_type)
    )
  ) as e;
  if v_excess is not null then
    raise exception using errcode = 'S1R03',
      message = format('The replay has logged in as %s, and that role is too strong for it: %s.', v_role.rolname, v_excess),
      hint = 'Let it log in as stage1_replay itself (STAGE1_REPLAY_URL or the password file); what that role has too much, '
        || 'a superuser takes away: revoke ... from stage1_replay, alter role stage1_replay no...';
  end if;
  select string_agg(format('%s on %s', m.privilege, m.object_name), ', ' order by m.object_name, m.privilege) into v_missing
  from stage1_internal.role_matrix as m
  where m.role_name = 'stage1_replay' and not case m.object_kind
    when 'schema' then has_schema_privilege(v_role.oid, m.object_name, m.privilege)
    when 'table' then to_regclass(m.object_name) is not null
      and has_table_privilege(v_role.oid, to_regclass(m.object_name), m.privilege)
    else exists (
      select 1
      from pg_catalog.pg_proc as p
      where p.pronamespace::regnamespace::text = split_part(m.object_name, '.', 1)
        and p.proname = split_part(m.object_name, '.', 2)
        and has_function_privilege(v_role.oid, p.oid, m.privilege)
    )
  end;
  if v_missing is not null then
    raise exception using errcode = '42501',
      message = format('stage1_replay lacks what it needs: %s.', v_missing),
      hint = '`stage1 migrate` grants it; `stage1 status` shows the statements.';
  end if;
  update stage1_internal.replay_runs as r
  set outcome = 'stopped', finished_at = clock_timestamp(), error = 'the run ended without a word: it was killed'
  where r.outcome = 'running';
  insert into stage1_internal.replay_runs (kind) values (p_kind) returning id into v_id;
  return v_id;
end;
$function$;

comment on function stage1_internal.begin_replay(text) is
'Opens a run of the replay and returns its id; refuses a role that is stronger than the role matrix says.';
