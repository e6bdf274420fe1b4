-- What there is of each symbol, from its summary row; the columns are those of the stats that clients know, in their order.
create or replace view public.bar_stats as
select
  s.bar_count as row_count,
  s.first_ts as min_ts,
  s.last_ts as max_ts,
  s.latest_close,
  s.last_ts as latest_ts,
  s.symbol,
  '1m'::text as timeframe,
  s.vendor,
  null::text as message
from public.market_bar_symbols as s;

comment on view public.bar_stats is
'Count, span and latest close of each symbol that has bars.';
