-- Creates market_bars_ohlcv_1m, partitioned by year, and market_bar_symbols, the summary of what there is of each symbol.
--
-- The primary key serves a symbol's bars in both directions, so there is no second index on (symbol, ts); BRIN on ts
-- costs a load next to nothing. A foreign key to data_ingest_runs would make a load three times slower: only the loading
-- functions write here, nobody else has a right to, and a check counts bars without an ingest. Partitions are made by
-- stage1_internal.ensure_bar_partitions when a year is first needed.
--
-- Locks: none on existing tables. Duration: milliseconds.
-- depends: 0006_create_ingest_ledger

create table public.market_bars_ohlcv_1m (
  vendor text not null default 'databento',
  schema text not null default 'ohlcv-1m',
  symbol text collate "C" not null,
  ts timestamptz not null,
  ts_ms bigint not null,
  open numeric not null,
  high numeric not null,
  low numeric not null,
  close numeric not null,
  volume numeric,
  ingestion_run_id bigint not null,
  created_at timestamptz not null default now(),
  primary key (symbol, ts),
  constraint market_bars_ohlcv_1m_ohlc_holds check (
    high >= open and high >= close and high >= low and low <= open and low <= close
  )
) partition by range (ts);
comment on table public.market_bars_ohlcv_1m is
'One-minute bars, one per symbol and minute; ts is the start of the minute.';
comment on column public.market_bars_ohlcv_1m.ts_ms is
'ts in milliseconds since 1970.';
comment on column public.market_bars_ohlcv_1m.ingestion_run_id is
'The load in data_ingest_runs that wrote these values.';
comment on column public.market_bars_ohlcv_1m.created_at is
'When the load that inserted the bar began; a later load that changes the values leaves it.';

create index idx_market_bars_ts on public.market_bars_ohlcv_1m using brin (ts) with (autosummarize = on);

create table public.market_bar_symbols (
  symbol text collate "C" not null primary key,
  vendor text not null,
  dataset text not null,
  origin text not null,
  bar_count bigint not null default 0,
  first_ts timestamptz,
  last_ts timestamptz,
  latest_close numeric,
  version bigint not null default 0,
  updated_at timestamptz not null default now(),
  constraint market_bar_symbols_count_is_natural check (bar_count >= 0),
  constraint market_bar_symbols_is_whole check (
    bar_count = 0 or (first_ts is not null and last_ts is not null and latest_close is not null and first_ts <= last_ts)
  )
);
comment on table public.market_bar_symbols is
'What there is of each symbol; kept in the transaction that changes its bars, whose writers lock this row first.';
comment on column public.market_bar_symbols.version is
'Grows with every load or undo that changed bars of the symbol, or where they come from.';
