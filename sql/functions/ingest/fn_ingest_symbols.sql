-- What one load did to each symbol, and between which bars; one page, by symbol.
-- Raises: S1A02 argument invalid, S1I07 ingest not found.
-- depends: check_page fn_show_ingest
create or replace function public.fn_ingest_symbols(
  p_ingest_id bigint,
  p_limit int default 50,
  p_offset int default 0
)
  returns setof public.data_ingest_symbols
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
as $function$
begin
  perform public.check_page(p_limit, p_offset);
  perform public.fn_show_ingest(p_ingest_id);
  return query
  select i.*
  from public.data_ingest_symbols as i
  where i.ingest_id = p_ingest_id
  order by i.symbol
  limit p_limit offset p_offset;
end;
$function$;

comment on function public.fn_ingest_symbols(bigint, int, int) is
'What one load did to each symbol, one page.';
