-- The page of the figures that follows a symbol, by symbol; equally quick at any depth.
-- plpgsql with custom plans, because PostgreSQL 15 plans `limit p_limit` of an SQL function blind.
-- Raises: S1A02 argument invalid.
-- depends: bar_stats check_page
create or replace function public.fn_list_bar_stats_after(
  p_limit int default 50,
  p_after_symbol text default null
)
  returns setof public.bar_stats
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
begin
  perform public.check_page(p_limit, 0);
  return query
  select b.*
  from public.bar_stats as b
  where p_after_symbol is null or b.symbol > p_after_symbol
  order by b.symbol
  limit p_limit;
end;
$function$;

comment on function public.fn_list_bar_stats_after(int, text) is
'The page of the figures that follows the given symbol; null for the first page.';
