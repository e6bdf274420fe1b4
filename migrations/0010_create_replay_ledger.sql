-- Creates the ledger of the replay: its runs, the spool files it knows, and each statement with what became of it.
--
-- A statement is known by its spool and its position in it (a byte offset); its sha256 proves that it is still the same. The
-- row is written in the transaction of the statement's effect, so that a statement is applied once, whoever is killed when.
--
-- Locks: none on existing tables. Duration: milliseconds.
-- Raises: nothing.
-- depends: 0009_pin_types_of_trigger_functions

create table stage1_internal.replay_runs (
  id bigint generated always as identity primary key,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  kind text not null default 'spool',
  outcome text not null default 'running',
  applied_count bigint not null default 0,
  known_count bigint not null default 0,
  waiting_count bigint not null default 0,
  dead_count bigint not null default 0,
  error text,
  constraint replay_runs_kind_check check (kind in ('spool', 'files', 'retry')),
  constraint replay_runs_outcome_check check (outcome in ('running', 'done', 'stopped')),
  constraint replay_runs_finished_check check ((outcome = 'running') = (finished_at is null)),
  constraint replay_runs_counts_check check (
    applied_count >= 0 and known_count >= 0 and waiting_count >= 0 and dead_count >= 0
  )
);

create index idx_replay_runs_finished on stage1_internal.replay_runs (finished_at desc) where outcome = 'done';

comment on table stage1_internal.replay_runs is
'One row for each run of the replay; done, or stopped with its error.';
comment on column stage1_internal.replay_runs.kind is
'spool: what waited in a spool. files: files that were named. retry: dead letters, once more.';

create table stage1_internal.replay_spools (
  id bigint generated always as identity primary key,
  identity text not null unique,
  name text not null,
  position bigint not null default 0,
  is_done boolean not null default false,
  first_run_id bigint not null references stage1_internal.replay_runs (id),
  last_run_id bigint not null references stage1_internal.replay_runs (id),
  constraint replay_spools_identity_check check (identity ~ '^(append:[0-9A-Za-z-]+|sha256:[0-9a-f]{64})$'),
  constraint replay_spools_position_check check (position >= 0)
);

create index idx_replay_spools_first_run on stage1_internal.replay_spools (first_run_id);

create index idx_replay_spools_last_run on stage1_internal.replay_spools (last_run_id);

comment on table stage1_internal.replay_spools is
'The spool files that were replayed: an append file by the id of its claim, a whole file by the sha256 of its bytes.';

create table stage1_internal.replay_statements (
  spool_id bigint not null references stage1_internal.replay_spools (id),
  position bigint not null,
  sha256 bytea not null,
  status text not null,
  unit bigint not null,
  run_id bigint not null, -- of replay_runs, whose rows stay; a key to it would need an index that every statement pays for
  attempts bigint not null default 1,
  is_final boolean not null default false,
  first_tried_at timestamptz not null default clock_timestamp(),
  sqlstate text,
  reason text,
  statement text,
  primary key (spool_id, position),
  constraint replay_statements_status_check check (status in ('applied', 'waiting', 'dead', 'discarded')),
  constraint replay_statements_sha256_check check (length(sha256) = 32),
  constraint replay_statements_unit_check check (unit between 0 and position),
  constraint replay_statements_reason_check check (status = 'applied' or (reason is not null and statement is not null))
);

create index idx_replay_statements_open on stage1_internal.replay_statements (status, spool_id, position)
where status in ('waiting', 'dead');

comment on table stage1_internal.replay_statements is
'The ledger of the replay: what became of each statement; its text is kept until it was applied.';
comment on column stage1_internal.replay_statements.is_final is
'Whether its text is not whole, or its transaction was given up: it is never tried again.';
