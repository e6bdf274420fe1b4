-- The figures of every symbol from the summary, by symbol.
-- depends: bar_stats
create or replace function public.fn_list_bar_stats()
  returns setof public.bar_stats
  language plpgsql
  stable
  set search_path = ''
as $function$
begin
  return query
  select b.* from public.bar_stats as b order by b.symbol;
end;
$function$;

comment on function public.fn_list_bar_stats() is
'Count, span and latest close of every symbol.';
