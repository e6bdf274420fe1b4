-- Refuses existing tables that their shapes cannot be laid over, all of them with one list, before anything is changed.
-- Locks: none; the caller holds access exclusive on the tables. Raises: S1M06 adoption refused, S1M07 duplicate rows.
-- depends: shape_columns_v1 has_unique_index_v1
create or replace function stage1_internal.refuse_adoption_v1(p_tables text[])
  returns void
  language plpgsql
  set search_path = ''
as $function$
declare
  v_table text;
  v_class regclass;
  v_kind text;
  v_column record;
  v_constraint record;
  v_views text;
  v_columns text;
  v_count bigint;
  v_examples text[];
  v_problems text[] := '{}';
  v_remedies text[] := '{}';
  v_duplicates text[] := '{}';
  v_queries text[] := '{}';
begin
  foreach v_table in array p_tables loop
    v_class := to_regclass(format('public.%I', v_table));
    continue when v_class is null;
    select case c.relkind when 'r' then null when 'v' then 'view' when 'm' then 'materialized view'
        when 'p' then 'partitioned table' when 'f' then 'foreign table' else 'relation of another kind' end
      into v_kind from pg_catalog.pg_class as c where c.oid = v_class;
    if v_kind is not null then
      v_problems := v_problems || format('%s is a %s, expected an ordinary table', v_table, v_kind);
      v_remedies := v_remedies || format('rename or drop the %s public.%I', v_kind, v_table);
      continue;
    end if;
    for v_column in select * from stage1_internal.shape_columns_v1(v_table) loop
      if v_column.present_type is null then
        continue when not v_column.wanted_not_null or v_column.wanted_default is not null;
        execute format('select count(*) from public.%I', v_table) into v_count;
        continue when v_count = 0;
        v_problems := v_problems || format('%s.%s is missing, expected %s, and has no default for the %s rows that exist',
          v_table, v_column.column_name, v_column.wanted_type, v_count);
        v_remedies := v_remedies || format('alter table public.%I add column %I %s; -- and fill it',
          v_table, v_column.column_name, v_column.wanted_type);
      elsif v_column.is_widened then
        select string_agg(distinct r.ev_class::regclass::text, ', ') into v_views
        from pg_catalog.pg_depend as d
          join pg_catalog.pg_rewrite as r on r.oid = d.objid and d.classid = 'pg_catalog.pg_rewrite'::regclass
          join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.refobjid = v_class and a.attname = v_column.column_name;
        continue when v_views is null;
        v_problems := v_problems || format('%s.%s is %s, expected %s, and cannot be widened while it is used by %s',
          v_table, v_column.column_name, v_column.present_type, v_column.wanted_type, v_views);
        v_remedies := v_remedies || format('drop view %s; -- and create it again afterwards', v_views);
      elsif v_column.present_type <> v_column.wanted_type then
        v_problems := v_problems || format('%s.%s is %s, expected %s',
          v_table, v_column.column_name, v_column.present_type, v_column.wanted_type);
        v_remedies := v_remedies || format('alter table public.%I alter column %I type %s using %s;',
          v_table, v_column.column_name, v_column.wanted_type,
          case when v_column.present_type like 'timestamp%without time zone'
            then format('%I at time zone ''UTC''', v_column.column_name)
            else format('%I::%s', v_column.column_name, v_column.wanted_type) end);
      elsif v_column.wanted_not_null and not v_column.present_not_null and v_column.wanted_default is null then
        execute format('select count(*) from public.%I where %I is null', v_table, v_column.column_name) into v_count;
        continue when v_count = 0;
        v_problems := v_problems || format('%s.%s is null in %s rows, expected a value',
          v_table, v_column.column_name, v_count);
        v_remedies := v_remedies || format('update public.%I set %I = ... where %I is null;',
          v_table, v_column.column_name, v_column.column_name);
      end if;
    end loop;
  end loop;
  if cardinality(v_problems) > 0 then
    raise exception using errcode = 'S1M06',
      message = 'Existing tables are not what stage1 needs; nothing was changed.',
      detail = array_to_string(v_problems, E'\n'),
      hint = E'Change them, then run the migration again:\n' || array_to_string(v_remedies, E'\n');
  end if;

  foreach v_table in array p_tables loop
    continue when to_regclass(format('public.%I', v_table)) is null;
    for v_constraint in
      select c.contype, pg_get_expr(c.conbin, c.conrelid) as condition, array(
          select a.attname::text from unnest(c.conkey) with ordinality as k (attnum, position)
            join pg_catalog.pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum order by k.position
        ) as columns
      from pg_catalog.pg_constraint as c
      where c.conrelid = to_regclass(format('stage1_internal.%I', v_table || '__shape')) and c.contype in ('p', 'u', 'c')
      order by c.conname
    loop
      continue when exists (select 1 from stage1_internal.shape_columns_v1(v_table) as s
        where s.column_name = any (v_constraint.columns) and s.present_type is null);
      if v_constraint.contype = 'c' then
        execute format('select count(*) from public.%I where not (%s)', v_table, v_constraint.condition) into v_count;
        continue when v_count = 0;
        raise exception using errcode = 'S1M06',
          message = format('Rows of %s are not what stage1 needs; nothing was changed.', v_table),
          detail = format('Expected of every row: %s. Rows that differ: %s.', v_constraint.condition, v_count),
          hint = format('Look at them: select * from public.%I where not (%s);', v_table, v_constraint.condition);
      end if;
      continue when stage1_internal.has_unique_index_v1(v_table, v_constraint.columns);
      select string_agg(format('%I', c), ', ') into v_columns from unnest(v_constraint.columns) as c;
      execute format(
        'with repeated as (select %1$s, count(*) as copies from public.%2$I where (%1$s) is not null
           group by %1$s having count(*) > 1)
         select (select count(*) from repeated), array(
           select format(''%2$s (%1$s) = %%s: %%s rows'', row(%1$s)::text, copies) from repeated order by %1$s limit 20)',
        v_columns, v_table) into v_count, v_examples;
      continue when v_count = 0;
      v_duplicates := v_duplicates || v_examples;
      if v_count > 20 then
        v_duplicates := v_duplicates || format('%s (%s): and %s more', v_table, v_columns, v_count - 20);
      end if;
      v_queries := v_queries || format('select %1$s, count(*) from public.%2$I group by %1$s having count(*) > 1;',
        v_columns, v_table);
    end loop;
  end loop;
  if cardinality(v_duplicates) > 0 then
    raise exception using errcode = 'S1M07',
      message = 'Rows are repeated that a unique constraint forbids; nothing was changed.',
      detail = array_to_string(v_duplicates, E'\n'),
      hint = E'Decide which row of each group stays, delete or change the others, then run the migration again. Find them with:\n'
        || array_to_string(v_queries, E'\n');
  end if;
end;
$function$;

comment on function stage1_internal.refuse_adoption_v1(text[]) is
'Refuses, with one list, the existing tables that their shapes in stage1_internal.<table>__shape cannot be laid over.';
