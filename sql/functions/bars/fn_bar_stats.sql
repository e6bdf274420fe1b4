-- The figures of one symbol from its summary row; a symbol without bars has a row that says so.
-- Raises: S1A01 argument missing.
-- depends: bar_stats
create or replace function public.fn_bar_stats(
  p_symbol text
)
  returns setof public.bar_stats
  language plpgsql
  stable
  rows 1
  set search_path = ''
as $function$
begin
  if p_symbol is null or btrim(p_symbol) = '' then
    raise exception using errcode = 'S1A01',
      message = format('p_symbol was %s; a symbol was expected.', case when p_symbol is null then 'null' else 'empty' end),
      hint = 'select symbol from public.fn_list_bar_stats() lists the symbols.';
  end if;
  return query
  select b.* from public.bar_stats as b where b.symbol = p_symbol;
  if not found then
    return query
    select
      0::bigint, null::timestamptz, null::timestamptz, null::numeric, null::timestamptz, p_symbol, '1m'::text, 'databento'::text,
      'No data ingested yet'::text;
  end if;
end;
$function$;

comment on function public.fn_bar_stats(text) is
'Count, span and latest close of one symbol.';
