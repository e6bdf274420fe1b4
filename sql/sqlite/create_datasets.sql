-- Makes the offline catalog in an empty file; in one that has it, does nothing. 1398035265 is "STGA": whose file it is.
begin immediate;
create table if not exists datasets (
  dataset_id text not null primary key,
  symbol text not null,
  from_date text not null,
  to_date text not null,
  products_json text not null,
  calendar_version text not null,
  tz text not null,
  raw_dbn_json text not null,
  bars_parquet_json text not null,
  bars_manifest_path text not null,
  generated_at text not null,
  size_bytes integer not null,
  status text not null check (status in ('READY', 'PARTIAL')),
  vendor_dataset text not null,
  bar_count integer not null,
  first_ts text,
  last_ts text,
  bars_manifest_sha256 text not null,
  check (from_date < to_date)
);
create index if not exists idx_datasets_symbol on datasets (symbol, from_date);
pragma application_id = 1398035265;
pragma user_version = 1;
commit;
