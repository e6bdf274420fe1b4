-- Makes roles, ownership and grants what stage1_internal.role_matrix says, as far as the connected role may.
-- What it may not do stays a row of stage1_internal.role_gaps, with the statement that a superuser can run.
-- Roles are cluster-wide: another database of the same cluster may create one at the same moment, which is as good.
do $roles$
declare
  v_step     integer;
  v_remedies text[];
  v_remedy   text;
begin
  for v_step in 1..7 loop
    -- Read to the end before the first change: a table that a running query uses cannot be altered.
    v_remedies := array(select g.remedy from stage1_internal.role_gaps as g where g.step = v_step order by g.remedy);
    foreach v_remedy in array v_remedies loop
      begin
        execute v_remedy;
      exception
        when insufficient_privilege or duplicate_object or unique_violation or undefined_object
          or undefined_table or undefined_function then
          null;
      end;
    end loop;
  end loop;
end;
$roles$;
