-- Notes what the verification of a backup found: nothing, or a problem. Of a backup that was not noted when it was taken
-- nothing is kept, and false returned: it may be one of another database.
-- Locks: the row. Raises: nothing of its own.
create or replace function stage1_internal.record_verification(
  p_name    text,
  p_problem text default null
)
  returns boolean
  language sql
  set search_path = ''
as $function$
  with noted as (
    update stage1_internal.backup_records as b
    set verified_at = clock_timestamp(), problem = p_problem
    where b.name = p_name
    returning b.name
  )
  select exists (select 1 from noted)
$function$;

comment on function stage1_internal.record_verification(text, text) is
  'Notes what the verification of a backup of this database found; false for a backup that is not known.';
