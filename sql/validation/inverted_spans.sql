-- A span ends at its beginning or later. Clients write the catalog's spans, and adopted tables have no constraint for them.
create or replace view public.inverted_spans as
select
  'inverted_spans' as check_name,
  'error' as severity,
  n.subject,
  format('%s is %s, after %s, %s; %s', n.first_column, n.first_ts, n.last_column, n.last_ts, n.remedy) as detail
from (
  select
    format('dataset %s', d.dataset_slug) as subject,
    c.first_column,
    c.first_ts,
    c.last_column,
    c.last_ts,
    'upsert the dataset with upsert_stage1_dataset' as remedy
  from public.stage1_datasets as d
  cross join lateral (
    values
      ('ohlcv_first_ts', d.ohlcv_first_ts, 'ohlcv_last_ts', d.ohlcv_last_ts),
      ('indicator_first_ts', d.indicator_first_ts, 'indicator_last_ts', d.indicator_last_ts)
  ) as c (first_column, first_ts, last_column, last_ts)
  where (d.ohlcv_first_ts > d.ohlcv_last_ts or d.indicator_first_ts > d.indicator_last_ts) and c.first_ts > c.last_ts
  union all
  select
    format('indicator dataset %s', i.dataset_id) as subject,
    'first_bar_ts' as first_column,
    i.first_bar_ts,
    'last_bar_ts' as last_column,
    i.last_bar_ts,
    'set the row of indicator_datasets right' as remedy
  from public.indicator_datasets as i
  where i.first_bar_ts > i.last_bar_ts
  union all
  select
    format('symbol %s', s.symbol) as subject,
    'first_ts' as first_column,
    s.first_ts,
    'last_ts' as last_column,
    s.last_ts,
    'set the row of market_bar_symbols right' as remedy
  from public.market_bar_symbols as s
  where s.first_ts > s.last_ts
  union all
  select
    format('ingest %s', r.id) as subject,
    'min_ts' as first_column,
    r.min_ts,
    'max_ts' as last_column,
    r.max_ts,
    'undo the ingest and load its file again' as remedy
  from public.data_ingest_runs as r
  where r.min_ts > r.max_ts
  union all
  select
    format('ingest %s, symbol %s', y.ingest_id, y.symbol) as subject,
    'first_ts' as first_column,
    y.first_ts,
    'last_ts' as last_column,
    y.last_ts,
    'undo the ingest and load its file again' as remedy
  from public.data_ingest_symbols as y
  where y.first_ts > y.last_ts
) as n;

comment on view public.inverted_spans is
'Spans of datasets, symbols and loads that end before they begin.';
