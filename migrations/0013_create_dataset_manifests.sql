-- Creates dataset_manifests: what is known of a dataset whose bars were derived from the vendor's files.
--
-- One to one with stage1_datasets: it describes a dataset and goes with it, as indicator_datasets does; a dataset that runs
-- or simulations name stays. An ingest that a manifest names cannot be deleted. Only upsert_dataset_manifest writes here.
--
-- A table of this name that somebody else made is not adopted: it is refused by name, before anything is made.
--
-- Locks: share row exclusive on stage1_datasets and data_ingest_runs for the foreign keys (reads go on, writes wait).
-- Duration: milliseconds.
-- Raises: S1M06 adoption refused.
-- depends: 0012_create_validation_history

do $refuse$
declare
  v_found text;
begin
  -- An index of ours may be in the way, too: a table that was renamed keeps the names of its indexes.
  select string_agg(distinct format('public.%I', coalesce(t.relname, c.relname)), ', ') into v_found
  from pg_catalog.pg_class as c
    left join pg_catalog.pg_index as i on i.indexrelid = c.oid
    left join pg_catalog.pg_class as t on t.oid = i.indrelid
  where c.relnamespace = 'public'::regnamespace
    and c.relname in ('dataset_manifests', 'dataset_manifests_pkey', 'idx_dataset_manifests_ingest');
  if v_found is not null then
    raise exception using errcode = 'S1M06',
      message = format('%s exists already, and stage1 did not make it, but needs the name; nothing was changed.', v_found),
      detail = 'It is not taken over: stage1 registers a manifest only together with the files that it names.',
      hint = 'Rename it together with its indexes, or move it to another schema, and run `stage1 migrate` again.';
  end if;
end;
$refuse$;

create table public.dataset_manifests (
  dataset_id uuid not null primary key references public.stage1_datasets (dataset_id) on delete cascade,
  symbol text not null,
  from_date date not null,
  to_date date not null,
  products jsonb not null,
  calendar_version text not null,
  tz text not null,
  raw_dbn jsonb not null,
  bars_parquet jsonb not null,
  bars_manifest_path text not null,
  bars_manifest_sha256 text not null,
  generated_at timestamptz not null,
  size_bytes bigint not null,
  status text not null,
  vendor_dataset text not null,
  ingest_id bigint references public.data_ingest_runs (id),
  bar_count bigint not null,
  first_ts timestamptz,
  last_ts timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint dataset_manifests_range_holds_a_day check (from_date < to_date),
  constraint dataset_manifests_products_are_strings check (
    jsonb_typeof(products) = 'array' and not jsonb_path_exists(products, 'strict $[*] ? (@.type() <> "string")')
  ),
  constraint dataset_manifests_raw_dbn_are_strings check (
    jsonb_typeof(raw_dbn) = 'array' and not jsonb_path_exists(raw_dbn, 'strict $[*] ? (@.type() <> "string")')
  ),
  constraint dataset_manifests_bars_parquet_are_strings check (
    jsonb_typeof(bars_parquet) = 'array' and not jsonb_path_exists(bars_parquet, 'strict $[*] ? (@.type() <> "string")')
  ),
  constraint dataset_manifests_sha256_is_hex check (bars_manifest_sha256 ~ '^[0-9a-f]{64}$'),
  constraint dataset_manifests_counts_are_natural check (size_bytes >= 0 and bar_count >= 0),
  constraint dataset_manifests_status_known check (status in ('READY', 'PARTIAL')),
  constraint dataset_manifests_span_is_upright check (first_ts <= last_ts),
  constraint dataset_manifests_span_is_that_of_bars check (
    (bar_count > 0) = (first_ts is not null) and (first_ts is null) = (last_ts is null)
  )
);

create index idx_dataset_manifests_ingest on public.dataset_manifests (ingest_id);

comment on table public.dataset_manifests is
'What is known of a dataset whose bars were derived here: its range of days, its files, its manifest, and the ingest that loaded it.';
comment on column public.dataset_manifests.dataset_id is
'The dataset of stage1_datasets that it describes.';
comment on column public.dataset_manifests.symbol is
'The symbol as it was asked of the vendor.';
comment on column public.dataset_manifests.from_date is
'The first UTC day.';
comment on column public.dataset_manifests.to_date is
'The first UTC day after it: exclusive.';
comment on column public.dataset_manifests.products is
'What the bars were derived from, such as ["TRADES", "TBBO"].';
comment on column public.dataset_manifests.calendar_version is
'The calendar of the sessions; utc-24x7/1 has every minute.';
comment on column public.dataset_manifests.tz is
'The time zone of that calendar.';
comment on column public.dataset_manifests.raw_dbn is
'The vendor''s files, from the folder that holds the data folder.';
comment on column public.dataset_manifests.bars_parquet is
'The derived bars, from the same folder.';
comment on column public.dataset_manifests.bars_manifest_path is
'The manifest that names every input and output with its sha256, from the same folder.';
comment on column public.dataset_manifests.bars_manifest_sha256 is
'The sha256 of the manifest itself.';
comment on column public.dataset_manifests.generated_at is
'When the manifest last changed.';
comment on column public.dataset_manifests.size_bytes is
'The bytes of the vendor''s files and of the derived bars together.';
comment on column public.dataset_manifests.status is
'READY, or PARTIAL while the range is not over; a later run extends it.';
comment on column public.dataset_manifests.vendor_dataset is
'The vendor''s code of the feed, such as XNAS.ITCH.';
comment on column public.dataset_manifests.ingest_id is
'The load in data_ingest_runs that brought the bars to market_bars_ohlcv_1m; null while none did.';
comment on column public.dataset_manifests.bar_count is
'How many bars were derived.';
comment on column public.dataset_manifests.first_ts is
'The start of the first bar''s minute; null without bars.';
comment on column public.dataset_manifests.last_ts is
'The start of the last bar''s minute; null without bars.';
comment on column public.dataset_manifests.created_at is
'When the dataset was first registered.';
comment on column public.dataset_manifests.updated_at is
'When its registration last changed.';
