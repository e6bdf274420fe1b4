-- Makes public hold the table of a shape: moves the shape there, or completes the table of that name.
-- Locks: access exclusive on the table. Raises: what refuse_adoption_v1 raises.
-- depends: refuse_adoption_v1
create or replace function stage1_internal.adopt_table_v1(p_table text)
  returns void
  language plpgsql
  set search_path = ''
as $function$
declare
  v_shape_name text := p_table || '__shape';
  v_shape regclass := format('stage1_internal.%I', p_table || '__shape')::regclass;
  v_column record;
  v_constraint record;
  v_name text;
  v_count bigint;
  v_done text[] := '{}';
begin
  if to_regclass(format('public.%I', p_table)) is null then
    execute format('alter table %s set schema public', v_shape);
    execute format('alter table public.%I rename to %I', v_shape_name, p_table);
    for v_name in select c.conname from pg_catalog.pg_constraint as c
      where c.conrelid = v_shape and starts_with(c.conname, v_shape_name) loop
      execute format('alter table public.%I rename constraint %I to %I', p_table, v_name, replace(v_name, v_shape_name, p_table));
    end loop;
    raise notice 'public.% created', p_table;
    return;
  end if;
  perform stage1_internal.refuse_adoption_v1(array[p_table]);

  for v_column in select * from stage1_internal.shape_columns_v1(p_table) loop
    if v_column.present_type is null then
      execute format('alter table public.%I add column %I %s%s%s', p_table, v_column.column_name, v_column.wanted_type,
        ' default ' || v_column.wanted_default, case when v_column.wanted_not_null then ' not null' end);
      v_done := v_done || format('%s added', v_column.column_name);
    elsif v_column.is_widened then
      execute format('alter table public.%I alter column %I type %s', p_table, v_column.column_name, v_column.wanted_type);
      v_done := v_done || format('%s widened from %s to %s', v_column.column_name, v_column.present_type, v_column.wanted_type);
    end if;
    if v_column.present_type is not null and v_column.present_default is null and v_column.wanted_default is not null then
      execute format('alter table public.%I alter column %I set default %s', p_table, v_column.column_name, v_column.wanted_default);
    end if;
    if v_column.wanted_not_null and not v_column.present_not_null then
      if v_column.wanted_default is not null then
        execute format('update public.%I set %I = %s where %2$I is null', p_table, v_column.column_name, v_column.wanted_default);
        get diagnostics v_count = row_count;
        if v_count > 0 then
          raise warning 'public.%.%: rows in which it was null, and which now hold %: %', p_table, v_column.column_name, v_column.wanted_default, v_count;
        end if;
      end if;
      execute format('alter table public.%I alter column %I set not null', p_table, v_column.column_name);
    end if;
    if v_column.present_comment is null and v_column.wanted_comment is not null then
      execute format('comment on column public.%I.%I is %L', p_table, v_column.column_name, v_column.wanted_comment);
    end if;
  end loop;

  for v_constraint in
    select c.contype, replace(c.conname, v_shape_name, p_table) as name, pg_get_constraintdef(c.oid) as definition, array(
        select a.attname::text from unnest(c.conkey) with ordinality as k (attnum, position)
          join pg_catalog.pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum order by k.position
      ) as columns
    from pg_catalog.pg_constraint as c
    where c.conrelid = v_shape and c.contype in ('p', 'u', 'c')
    order by c.contype = 'c', c.conname
  loop
    continue when v_constraint.contype = 'c' and exists (select 1 from pg_catalog.pg_constraint as c
      where c.conrelid = format('public.%I', p_table)::regclass and c.conname = v_constraint.name and c.contype = 'c');
    if v_constraint.contype = 'p' and exists (select 1 from pg_catalog.pg_index as i
      where i.indrelid = format('public.%I', p_table)::regclass and i.indisprimary) then
      -- Its own primary key stays; if it is another one, ours becomes unique, under PostgreSQL's name for that.
      v_constraint.contype := 'u';
      v_constraint.name := format('%s_%s_key', p_table, array_to_string(v_constraint.columns, '_'));
      v_constraint.definition := replace(v_constraint.definition, 'PRIMARY KEY', 'UNIQUE');
    end if;
    continue when v_constraint.contype = 'u' and stage1_internal.has_unique_index_v1(p_table, v_constraint.columns);
    execute format('alter table public.%I add constraint %I %s', p_table, v_constraint.name, v_constraint.definition);
    v_done := v_done || format('%s added', v_constraint.name);
  end loop;

  if obj_description(format('public.%I', p_table)::regclass, 'pg_class') is null then
    execute format('comment on table public.%I is %L', p_table, obj_description(v_shape, 'pg_class'));
  end if;
  execute format('drop table %s', v_shape);
  execute format('select count(*) from public.%I', p_table) into v_count;
  raise notice 'public.% adopted, rows: %', p_table, v_count::text || coalesce('; ' || nullif(array_to_string(v_done, ', '), ''), '');
end;
$function$;

comment on function stage1_internal.adopt_table_v1(text) is
'Moves stage1_internal.<table>__shape to public, or completes the table that public holds already to that shape.';
