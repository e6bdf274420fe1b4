-- Counts the rows of each table of stage1 that the reader may read.
-- Locks: AccessShare on each table.
-- Bars are too many to be counted each time: their number is the sum of the summary, which each load keeps exact.
-- depends: role_matrix
create or replace function stage1_internal.table_row_counts()
  returns table (
    table_name text,
    row_count  bigint
  )
  language plpgsql
  stable
  set search_path = ''
as $function$
begin
  for table_name in
    select distinct m.object_name
    from stage1_internal.role_matrix as m
    inner join pg_class as c on c.oid = to_regclass(m.object_name)::oid
    where m.object_kind = 'table'
      and c.relkind in ('r', 'p')
      and m.object_name like 'public.%'
      and has_table_privilege(c.oid, 'select')
    order by m.object_name
  loop
    execute case table_name
      when 'public.market_bars_ohlcv_1m' then 'select coalesce(sum(s.bar_count), 0) from public.market_bar_symbols as s'
      else format('select count(*) from %s', table_name)
    end into row_count;
    return next;
  end loop;
end;
$function$;

comment on function stage1_internal.table_row_counts() is
  'Counts the rows of each table of stage1.';
