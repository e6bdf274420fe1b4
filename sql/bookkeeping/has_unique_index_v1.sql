-- Whether a table is unique by these columns already, under whatever name.
-- Of the adoption of existing tables; the version in its name says that migrations rely on what it does.
-- depends: stage1_internal
create or replace function stage1_internal.has_unique_index_v1(
  p_table text,
  p_columns text[]
)
  returns boolean
  language sql
  stable
  set search_path = ''
begin atomic
  select exists (
    select 1
    from pg_catalog.pg_index as i
    where i.indrelid = to_regclass(format('public.%I', p_table))
      and i.indisunique
      and i.indisvalid
      and i.indimmediate
      and i.indpred is null
      and p_columns = array(
        select coalesce(a.attname::text, '(an expression)')
        from unnest(i.indkey::smallint[]) with ordinality as k (attnum, position)
          left join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum > 0
        where k.position <= i.indnkeyatts
        order by k.position
      )
  );
end;

comment on function stage1_internal.has_unique_index_v1(text, text[]) is
'Whether a valid, immediate, unconditional unique index of a public table covers exactly these columns in this order.';
