-- Gives back the grants that others had on objects which were dropped and exist again.
-- A function that took the place of another one may use what that one did not: whoever may execute it, and could read
-- one of its tables, may read the others, and execute the functions in it.
-- A grantee that is gone or owns the object, or a privilege that no longer fits, is passed over.
-- depends: replaced_objects existing_objects
create or replace function stage1_internal.restore_grants()
  returns setof text
  language plpgsql
  set search_path = ''
as $function$
declare
  v_kept record;
  v_text text;
begin
  for v_kept in
    select r.replaced_id, r.grants, o.object_name, o.object_kind, o.object_identity, o.owner_name, o.definition
    from stage1_internal.replaced_objects as r
    cross join lateral stage1_internal.existing_objects(array[r.object_name]) as o
    where not r.grants_restored
  loop
    for v_text in
      with kept as (
        select
          split_part(g.kept, ' to ', 1) as privilege,
          substring(g.kept from position(' to ' in g.kept) + 4) as grantee,
          regexp_replace(substring(g.kept from position(' to ' in g.kept) + 4), ' with grant option$', '') as role_name
        from unnest(v_kept.grants) as g (kept)
      ), used as (
        select u.*
        from stage1_internal.existing_objects(array(
          select distinct m.names[1] from regexp_matches(v_kept.definition, '\m(public\.[a-z0-9_]+)', 'g') as m (names)
        )) as u
        where v_kept.object_kind = 'function' and u.object_name <> v_kept.object_name
      )
      select format(
        'grant %s on %s %s to %s',
        k.privilege,
        case when v_kept.object_kind in ('function', 'procedure') then v_kept.object_kind else 'table' end,
        v_kept.object_identity,
        k.grantee
      )
      from kept as k
      where k.role_name <> quote_ident(v_kept.owner_name)
      union
      select format(
        'grant %s to %s',
        case when u.object_kind = 'function' then 'execute on function ' else 'select on table ' end || u.object_identity,
        k.role_name
      )
      from kept as k
      cross join used as u
      where k.privilege = 'EXECUTE' and u.object_kind in ('function', 'view', 'table') and k.role_name <> quote_ident(u.owner_name)
        and (u.object_kind = 'function' or exists (
          select 1 from used as t where t.object_kind = 'table' and has_table_privilege(to_regrole(k.role_name)::oid, t.object_id, 'select')
        ))
    loop
      begin
        execute v_text;
        return next v_text;
      exception
        when undefined_object or undefined_column or invalid_grant_operation or insufficient_privilege then
          null;
      end;
    end loop;
    update stage1_internal.replaced_objects as r set grants_restored = true where r.replaced_id = v_kept.replaced_id;
  end loop;
end;
$function$;

comment on function stage1_internal.restore_grants() is
  'Gives back the grants of others on objects that were dropped and exist again.';
