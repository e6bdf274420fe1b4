-- One row per dataset with both measurements and the number of its runs and simulations.
-- The counts are correlated, so that a page of the catalog counts for its own rows only; each is an index walk. The versions of a
-- set of examples are numbered without gaps, so that the latest says how many there are; other datasets have none.
-- adopts: stage 1.3
create or replace view public.dataset_catalog as
select
  d.dataset_id,
  d.dataset_slug,
  d.symbol,
  d.granularity,
  d.ohlcv_measurement,
  d.indicator_measurement,
  d.ohlcv_row_count,
  d.indicator_row_count,
  d.ohlcv_first_ts,
  d.ohlcv_last_ts,
  d.indicator_first_ts,
  d.indicator_last_ts,
  (select count(*) from public.walkforward_runs as r where r.dataset_id = d.dataset_id) as run_count,
  (select count(*) from public.simulation_runs as s where s.dataset_id = d.dataset_id) as simulation_count,
  d.created_at,
  d.updated_at,
  d.kind,
  d.source,
  d.metadata,
  coalesce((
    select v.sequence from public.dataset_versions as v where v.dataset_id = d.dataset_id order by v.sequence desc limit 1
  ), 0) as version_count,
  coalesce((
    select v.example_count from public.dataset_versions as v where v.dataset_id = d.dataset_id order by v.sequence desc limit 1
  ), 0) as example_count
from public.stage1_datasets as d;

comment on view public.dataset_catalog is
'One row per dataset: both measurements, their row counts and spans, how many runs and simulations used it, and its versions.';
