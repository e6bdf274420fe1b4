-- Records the checksum of a migration in the transaction that applies it.
-- depends: applied_migrations
create or replace function stage1_internal.record_migration(
  p_migration_id text,
  p_sha256       text,
  p_tool_version text
)
  returns void
  language sql
  set search_path = ''
as $function$
  insert into stage1_internal.applied_migrations (migration_id, sha256, tool_version)
  values (p_migration_id, p_sha256, p_tool_version)
$function$;

comment on function stage1_internal.record_migration(text, text, text) is
  'Records the checksum of a migration as it is applied.';
