-- The columns of a shape (stage1_internal.<table>__shape), each beside the one of that name that public holds.
-- depends: stage1_internal
create or replace function stage1_internal.shape_columns_v1(p_table text)
  returns table (
    column_name text,
    wanted_type text,
    wanted_default text,
    wanted_not_null boolean,
    wanted_comment text,
    present_type text,
    present_default text,
    present_not_null boolean,
    present_comment text,
    is_widened boolean
  )
  language sql
  stable
  set search_path = ''
begin atomic
  select
    s.attname::text,
    format_type(s.atttypid, s.atttypmod),
    pg_get_expr(sd.adbin, sd.adrelid),
    s.attnotnull as wanted_not_null,
    col_description(s.attrelid, s.attnum),
    format_type(t.atttypid, t.atttypmod),
    pg_get_expr(td.adbin, td.adrelid),
    t.attnotnull as present_not_null,
    col_description(t.attrelid, t.attnum),
    coalesce(
      (s.atttypid = 'text'::regtype and t.atttypid in ('varchar'::regtype, 'bpchar'::regtype))
      or (s.atttypid = 'bigint'::regtype and t.atttypid in ('smallint'::regtype, 'integer'::regtype)), false
    )
  from pg_catalog.pg_attribute as s
    left join pg_catalog.pg_attrdef as sd on sd.adrelid = s.attrelid and sd.adnum = s.attnum
    left join pg_catalog.pg_attribute as t
      on t.attrelid = to_regclass(format('public.%I', p_table)) and t.attname = s.attname and not t.attisdropped -- noqa: RF02
    left join pg_catalog.pg_attrdef as td on td.adrelid = t.attrelid and td.adnum = t.attnum
  where s.attrelid = to_regclass(format('stage1_internal.%I', p_table || '__shape')) -- noqa: RF02
    and s.attnum > 0 and not s.attisdropped
  order by s.attnum;
end;

comment on function stage1_internal.shape_columns_v1(text) is
'The columns of a table''s shape, each beside the column of that name which public holds, nulls where there is none.';
