-- What each applied migration's file was, beside yoyo's own mark of it.
-- depends: stage1_internal
create table if not exists stage1_internal.applied_migrations (
  migration_id text primary key,
  sha256       text not null,
  tool_version text not null,
  applied_by   text not null default session_user,
  applied_at   timestamptz not null default pg_catalog.clock_timestamp()
);

comment on table stage1_internal.applied_migrations is
  'The checksum of each migration as it was applied.';
