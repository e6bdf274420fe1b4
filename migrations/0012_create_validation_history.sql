-- Creates the history of validations, and what the last of them found right about each symbol's bars.
--
-- A recount of all bars takes minutes; what a validation found right holds until the version of the symbol's summary grows,
-- so that the next one looks at what was loaded or undone since. One index finds the loads of a symbol since a version, and
-- the newest that stands, without reading the others.
--
-- Locks: share on data_ingest_symbols (reads go on, loads wait). Duration: about a second a million rows of that table.
-- Raises: nothing.
-- depends: 0011_create_backup_records

create table stage1_internal.validation_runs (
  id bigint generated always as identity primary key,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  is_complete boolean not null,
  is_deep boolean not null,
  error_count bigint not null,
  warning_count bigint not null,
  unanswered_count bigint not null,
  constraint validation_runs_counts_check check (error_count >= 0 and warning_count >= 0 and unanswered_count >= 0)
);

create index idx_validation_runs_started on stage1_internal.validation_runs (started_at, id);

comment on table stage1_internal.validation_runs is
'One row for each run of `stage1 validate`, kept for 400 days.';
comment on column stage1_internal.validation_runs.is_complete is
'Whether every check was asked; false with --only.';

create table stage1_internal.validation_results (
  run_id bigint not null references stage1_internal.validation_runs (id) on delete cascade,
  check_name text not null,
  error_count bigint not null,
  warning_count bigint not null,
  milliseconds bigint not null,
  problem text,
  primary key (run_id, check_name)
);

comment on table stage1_internal.validation_results is
'What each check of each run found, how long it took, and why it did not answer.';

create table stage1_internal.validation_findings (
  check_name text not null,
  position bigint not null,
  run_id bigint not null references stage1_internal.validation_runs (id) on delete cascade,
  severity text not null,
  subject text,
  detail text,
  primary key (check_name, position)
);

create index idx_validation_findings_run on stage1_internal.validation_findings (run_id);

comment on table stage1_internal.validation_findings is
'The findings of each check in the latest run that asked it and was answered, the first thousand of each severity.';

create table stage1_internal.bar_recounts (
  symbol text collate "C" not null primary key,
  version bigint not null,
  vendor text not null,
  dataset text not null,
  origin text not null,
  bar_count bigint not null,
  first_ts timestamptz,
  last_ts timestamptz,
  latest_close numeric,
  recounted_at timestamptz not null
);

comment on table stage1_internal.bar_recounts is
'The summary of each symbol as a recount of its bars last found it right; a symbol that was found wrong has no row.';

create index idx_ingest_symbols_version on public.data_ingest_symbols (symbol, version);

create index idx_ingest_symbols_undone on public.data_ingest_symbols (symbol, undone_version) where undone_version is not null;
