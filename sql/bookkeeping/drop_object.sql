-- Drops whatever exists under a name, with all overloads and with those dependants that are ours, and returns their names.
-- Locks: AccessExclusive on views that are dropped, until commit. Raises: S1M08 when something that is not ours depends on it.
-- depends: keep_object object_dependants
create or replace function stage1_internal.drop_object(
  p_object_name text,
  p_ours        text[],
  p_reason      text
)
  returns setof text
  language plpgsql
  set search_path = ''
as $function$
declare
  v_object  record;
  v_strange text;
  v_name    text;
begin
  perform stage1_internal.keep_object(p_object_name, p_reason);
  for v_object in
    select * from stage1_internal.existing_objects(array[p_object_name])
  loop
    if v_object.object_kind = 'table' then
      raise exception using
        errcode = 'S1M08',
        message = format('%s is a table, but stage1 needs the name for a function or view.', v_object.object_name),
        hint = 'Rename the table and run `stage1 migrate` again.';
    end if;
    select string_agg(d.object_identity, ', ' order by d.object_identity)
    into v_strange
    from stage1_internal.object_dependants(v_object.catalog_id, v_object.object_id) as d
    where d.object_name is null or d.object_name <> all (p_ours);
    if v_strange is not null then
      raise exception using
        errcode = 'S1M08',
        message = format('%s has to be replaced, but something that is not part of stage1 depends on it.', v_object.object_identity),
        detail = format('Dependants: %s.', v_strange),
        hint = 'Drop them, run `stage1 migrate`, and create them again.';
    end if;
    for v_name in
      select distinct d.object_name
      from stage1_internal.object_dependants(v_object.catalog_id, v_object.object_id) as d
    loop
      -- A dependant falls with the cascade below; its foreign grants must come back with it.
      perform stage1_internal.keep_object(v_name, 'dropped with ' || p_object_name);
      return next v_name;
    end loop;
    execute format('drop %s %s cascade', v_object.object_kind, v_object.object_identity);
    return next p_object_name;
  end loop;
end;
$function$;

comment on function stage1_internal.drop_object(text, text[], text) is
  'Drops an object and those of its dependants that are ours, and returns their names.';
