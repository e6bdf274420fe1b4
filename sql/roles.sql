-- Makes roles, ownership and grants what stage1_internal.role_matrix says, as far as the connected role may.
-- What it may not do stays a row of stage1_internal.role_gaps, with the statement that a superuser can run. What is too
-- much (steps 8 and up) stays as well: an attribute or a grant that somebody gave is not taken away without being asked.
-- Roles are cluster-wide: another database of the same cluster may create one at the same moment, which is as good.
do $roles$
declare
  v_step     integer;
  v_remedies text[];
  v_remedy   text;
begin
  -- The view is asked often and answers in 10 ms; the compiler would take fifteen times as long as that.
  perform pg_catalog.set_config('jit', 'off', true);
  for v_step in 1..7 loop
    -- Objects move to an owner of whom this role is a member, and views and functions after all of the tables.
    continue when v_step in (4, 5)
      and exists (select 1 from stage1_internal.role_gaps as g where g.step < v_step and g.step in (2, 4));
    -- Read to the end before the first change: a table that a running query uses cannot be altered.
    v_remedies := array(select g.remedy from stage1_internal.role_gaps as g where g.step = v_step order by g.remedy);
    foreach v_remedy in array v_remedies loop
      begin
        execute v_remedy;
      exception
        when insufficient_privilege or duplicate_object or unique_violation or undefined_object
          or undefined_table or undefined_function or invalid_grant_operation then
          null;
      end;
    end loop;
  end loop;
end;
$roles$;
