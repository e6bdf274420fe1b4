-- Gives back the grants that others had on objects which were dropped and exist again.
-- A grantee that is gone, or a privilege that no longer fits, is passed over.
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
    select r.replaced_id, r.grants, o.object_kind, o.object_identity
    from stage1_internal.replaced_objects as r
    cross join lateral stage1_internal.existing_objects(array[r.object_name]) as o
    where not r.grants_restored
  loop
    for v_text in
      select format(
        'grant %s on %s %s to %s',
        split_part(kept, ' to ', 1),
        case when v_kept.object_kind in ('function', 'procedure') then v_kept.object_kind else 'table' end,
        v_kept.object_identity,
        substring(kept from position(' to ' in kept) + 4)
      )
      from unnest(v_kept.grants) as g(kept)
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
