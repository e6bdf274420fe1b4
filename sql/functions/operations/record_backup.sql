-- Notes that a backup was taken, for the check of how old the newest one is. Noted again it is the same backup.
-- Locks: none beyond the row. Raises: nothing of its own.
create or replace function stage1_internal.record_backup(
  p_name       text,
  p_taken_at   timestamptz,
  p_byte_count bigint
)
  returns void
  language sql
  set search_path = ''
as $function$
  insert into stage1_internal.backup_records (name, taken_at, byte_count)
  values (p_name, p_taken_at, p_byte_count)
  on conflict (name) do update set taken_at = excluded.taken_at, byte_count = excluded.byte_count
$function$;

comment on function stage1_internal.record_backup(text, timestamptz, bigint) is
  'Notes that a backup of this database was taken.';
