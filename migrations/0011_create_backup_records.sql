-- Creates the record of backups and of what became of their verification, for the checks: the files tell the rest.
--
-- Locks: none on existing tables. Duration: milliseconds.
-- Raises: nothing.
-- depends: 0010_create_replay_ledger

create table stage1_internal.backup_records (
  name text primary key,
  taken_at timestamptz not null,
  byte_count bigint not null,
  recorded_at timestamptz not null default clock_timestamp(),
  verified_at timestamptz,
  problem text,
  constraint backup_records_byte_count_check check (byte_count > 0),
  constraint backup_records_problem_check check (problem is null or verified_at is not null)
);

create index idx_backup_records_verified on stage1_internal.backup_records (taken_at desc)
where verified_at is not null and problem is null;

comment on table stage1_internal.backup_records is
'Each backup that was taken of this database, and what its last verification found.';
