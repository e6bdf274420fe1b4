-- Keeps a dataset in place of what was known of it; writes nothing where that is the same.
insert into datasets (
  dataset_id, symbol, from_date, to_date, products_json, calendar_version, tz, raw_dbn_json,
  bars_parquet_json, bars_manifest_path, generated_at, size_bytes, status, vendor_dataset, bar_count,
  first_ts, last_ts, bars_manifest_sha256
) values (
  :dataset_id, :symbol, :from_date, :to_date, :products_json, :calendar_version, :tz, :raw_dbn_json,
  :bars_parquet_json, :bars_manifest_path, :generated_at, :size_bytes, :status, :vendor_dataset, :bar_count,
  :first_ts, :last_ts, :bars_manifest_sha256
) on conflict (dataset_id) do update set
  symbol = excluded.symbol, from_date = excluded.from_date, to_date = excluded.to_date,
  products_json = excluded.products_json, calendar_version = excluded.calendar_version, tz = excluded.tz,
  raw_dbn_json = excluded.raw_dbn_json, bars_parquet_json = excluded.bars_parquet_json,
  bars_manifest_path = excluded.bars_manifest_path, generated_at = excluded.generated_at,
  size_bytes = excluded.size_bytes, status = excluded.status, vendor_dataset = excluded.vendor_dataset,
  bar_count = excluded.bar_count, first_ts = excluded.first_ts, last_ts = excluded.last_ts,
  bars_manifest_sha256 = excluded.bars_manifest_sha256
where (
  datasets.symbol, datasets.from_date, datasets.to_date, datasets.products_json, datasets.calendar_version,
  datasets.tz, datasets.raw_dbn_json, datasets.bars_parquet_json, datasets.bars_manifest_path,
  datasets.generated_at, datasets.size_bytes, datasets.status, datasets.vendor_dataset, datasets.bar_count,
  datasets.first_ts, datasets.last_ts, datasets.bars_manifest_sha256
) is not (
  excluded.symbol, excluded.from_date, excluded.to_date, excluded.products_json, excluded.calendar_version,
  excluded.tz, excluded.raw_dbn_json, excluded.bars_parquet_json, excluded.bars_manifest_path,
  excluded.generated_at, excluded.size_bytes, excluded.status, excluded.vendor_dataset, excluded.bar_count,
  excluded.first_ts, excluded.last_ts, excluded.bars_manifest_sha256
);
