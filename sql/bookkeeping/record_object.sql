-- Records what the deploy step left under a name; a null definition is that of the bookkeeping itself, which is not watched for drift.
-- depends: deployed_objects
create or replace function stage1_internal.record_object(
  p_object_name       text,
  p_file_sha256       text,
  p_definition_sha256 text,
  p_tool_version      text
)
  returns void
  language sql
  set search_path = ''
as $function$
  insert into stage1_internal.deployed_objects as d (object_name, file_sha256, definition_sha256, server_major, tool_version)
  values (
    p_object_name,
    p_file_sha256,
    p_definition_sha256,
    current_setting('server_version_num')::integer / 10000,
    p_tool_version
  )
  on conflict (object_name) do update set
    file_sha256 = excluded.file_sha256,
    definition_sha256 = excluded.definition_sha256,
    server_major = excluded.server_major,
    tool_version = excluded.tool_version,
    deployed_by = session_user,
    deployed_at = clock_timestamp()
$function$;

comment on function stage1_internal.record_object(text, text, text, text) is
  'Records the state in which the deploy step left an object.';
