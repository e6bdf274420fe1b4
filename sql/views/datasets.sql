-- The datasets whose bars were derived here, one row each, by the column names of the pipeline: dataset_id is the slug here,
-- and dataset_uuid the dataset_id of every other view.
-- The lists are JSON text without blanks, as the offline catalog has them.
create or replace view public.datasets as
select
  d.dataset_slug as dataset_id,
  m.symbol,
  m.from_date,
  m.to_date,
  array_to_json(array(
    select t.item from jsonb_array_elements_text(m.products) with ordinality as t (item, place) order by t.place
  ))::text as products_json,
  m.calendar_version,
  m.tz,
  array_to_json(array(
    select t.item from jsonb_array_elements_text(m.raw_dbn) with ordinality as t (item, place) order by t.place
  ))::text as raw_dbn_json,
  array_to_json(array(
    select t.item from jsonb_array_elements_text(m.bars_parquet) with ordinality as t (item, place) order by t.place
  ))::text as bars_parquet_json,
  m.bars_manifest_path,
  m.generated_at,
  m.size_bytes,
  m.status,
  m.vendor_dataset,
  m.bar_count,
  m.first_ts,
  m.last_ts,
  m.ingest_id,
  d.dataset_id as dataset_uuid,
  d.kind,
  m.bars_manifest_sha256
from public.dataset_manifests as m
inner join public.stage1_datasets as d on d.dataset_id = m.dataset_id;

comment on view public.datasets is
'The datasets whose bars were derived here, with their ranges, files and manifests; dataset_id is the slug.';
