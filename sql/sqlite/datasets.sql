-- The datasets of the offline catalog, or the one of an id.
select
  dataset_id, symbol, from_date, to_date, products_json, calendar_version, tz, raw_dbn_json,
  bars_parquet_json, bars_manifest_path, generated_at, size_bytes, status, vendor_dataset, bar_count,
  first_ts, last_ts, bars_manifest_sha256
from datasets
where :dataset_id is null or dataset_id = :dataset_id
order by dataset_id;
