-- The state in which the deploy step left each function, view and check.
-- depends: stage1_internal
create table if not exists stage1_internal.deployed_objects (
  object_name       text primary key,
  file_sha256       text not null,
  definition_sha256 text,
  server_major      integer not null,
  tool_version      text not null,
  deployed_by       text not null default session_user,
  deployed_at       timestamptz not null default pg_catalog.clock_timestamp()
);

comment on table stage1_internal.deployed_objects is
  'The functions, views and checks of sql/ as they were last deployed; a definition that differs is drift.';
