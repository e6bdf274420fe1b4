-- What a spool may do: the tables with their columns, and the functions, that the role matrix gives to stage1_replay.
-- Security definer: the replay's role may not read the matrix.
-- depends: role_matrix
create or replace function stage1_internal.replay_rules()
  returns table (
    object_kind text,
    schema_name text,
    object_name text,
    column_names text[]
  )
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
  select distinct
    m.object_kind,
    split_part(m.object_name, '.', 1),
    split_part(m.object_name, '.', 2),
    case when m.object_kind = 'table' then array(
      select a.attname::text
      from pg_catalog.pg_attribute as a
      where a.attrelid = to_regclass(m.object_name) and a.attnum > 0 and not a.attisdropped
        and a.attgenerated = '' and a.attidentity <> 'a'
      order by a.attnum
    ) else '{}' end
  from stage1_internal.role_matrix as m
  where m.role_name = 'stage1_replay' and m.object_name like 'public.%'
    and ((m.object_kind = 'table' and m.privilege = 'insert') or (m.object_kind = 'function' and m.privilege = 'execute'))
  order by 1, 2, 3;
$function$;

comment on function stage1_internal.replay_rules() is
'What a spool may do: tables with their columns, and functions.';
