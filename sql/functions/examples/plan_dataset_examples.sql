-- What upsert_dataset_examples would do with what is staged; a row (source_id, content_hash) is enough of an example.
-- needed_examples then lists those of which it needs the body.
-- Locks: the dataset's row in share mode to the end of the transaction.
-- Raises: as upsert_dataset_examples, but S1E09.
-- depends: upsert_dataset_examples
create or replace function public.plan_dataset_examples(
  p_dataset_id uuid default null,
  p_name text default null,
  p_mode text default null,
  p_expected_version_id uuid default null,
  p_allow_empty boolean default false
)
  returns table (
    dataset_id uuid,
    version_id uuid,
    previous_version_id uuid,
    created_version boolean,
    created_dataset boolean,
    new_count bigint,
    changed_count bigint,
    unchanged_count bigint,
    deleted_count bigint,
    restored_count bigint
  )
  language plpgsql
  rows 1
  set search_path = ''
as $function$
begin
  return query
  select u.*
  from public.upsert_dataset_examples(
    p_dataset_id => p_dataset_id, p_name => p_name, p_mode => p_mode, p_expected_version_id => p_expected_version_id,
    p_dry_run => true, p_allow_empty => p_allow_empty
  ) as u;
end;
$function$;

comment on function public.plan_dataset_examples(uuid, text, text, uuid, boolean) is
'What an upsert of the staged examples would do, of which their hashes are enough.';
