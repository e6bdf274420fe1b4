-- Nothing is there less than zero times. Clients write the catalog's counts, and adopted tables have no constraint for them.
create or replace view public.negative_counts as
select
  'negative_counts' as check_name,
  'error' as severity,
  n.subject,
  format('%s is %s; %s', n.column_name, n.given, n.remedy) as detail
from (
  select
    format('dataset %s', d.dataset_slug) as subject,
    c.column_name,
    c.given,
    'upsert the dataset with upsert_stage1_dataset' as remedy
  from public.stage1_datasets as d
  cross join lateral (
    values ('ohlcv_row_count', d.ohlcv_row_count), ('indicator_row_count', d.indicator_row_count)
  ) as c (column_name, given)
  where (d.ohlcv_row_count < 0 or d.indicator_row_count < 0) and c.given < 0
  union all
  select
    format('indicator dataset %s', i.dataset_id) as subject,
    'row_count' as column_name,
    i.row_count as given,
    'set the row of indicator_datasets right' as remedy
  from public.indicator_datasets as i
  where i.row_count < 0
  union all
  select
    format('symbol %s', s.symbol) as subject,
    'bar_count' as column_name,
    s.bar_count as given,
    'set the row of market_bar_symbols right' as remedy
  from public.market_bar_symbols as s
  where s.bar_count < 0
  union all
  select
    format('ingest %s, symbol %s', y.ingest_id, y.symbol) as subject,
    'a count of the load' as column_name,
    least(y.inserted_count, y.updated_count, y.changed_count) as given,
    'undo the ingest and load its file again' as remedy
  from public.data_ingest_symbols as y
  where y.inserted_count < 0 or y.updated_count < 0 or y.changed_count < 0
) as n;

comment on view public.negative_counts is
'Counts of datasets, symbols and loads that are less than zero.';
