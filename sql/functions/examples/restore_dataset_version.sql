-- Makes the next version of a dataset hold what one of its versions held. The examples keep their identity and their history.
-- Where the latest version holds just that, no version is made, and version_id is the latest. p_request_key and p_dry_run as in
-- upsert_dataset_examples.
-- Locks: the dataset's row to the end of the transaction.
-- Security definer: versions are written by functions of the owner alone.
-- Raises: S1A02 argument invalid, S1E02 version conflict, S1E06 not examples; of the version S1A02, S1E01, S1E07;
-- of the dataset S1A01, S1C02.
-- depends: locked_examples check_version_request check_expected_version version_sequence diff_with_version write_example_version
-- depends: remember_request version_answers fn_find_dataset
create or replace function public.restore_dataset_version(
  p_dataset text,
  p_version text,
  p_expected_version_id uuid default null,
  p_dry_run boolean default false,
  p_description text default null,
  p_metadata jsonb default '{}',
  p_request_key text default null,
  p_created_by text default null
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
  security definer
  rows 1
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_is_writing constant boolean := not coalesce(p_dry_run, false);
  v_sequence bigint;
  v_latest public.dataset_versions;
  v_restored_from uuid;
begin
  if p_version is null then
    raise exception using errcode = 'S1A01',
      message = 'p_version was null; the version to restore is required.',
      hint = 'Pass a number such as 3, a version_id, tag:NAME, or as-of:2023-01-03T14:30:00Z.';
  end if;
  perform stage1_internal.check_version_request(p_metadata, p_request_key);
  created_dataset := false;
  select l.dataset_id into dataset_id
  from stage1_internal.locked_examples(public.fn_find_dataset(p_dataset), null, v_is_writing, null) as l;
  if v_is_writing and p_request_key is not null then
    return query
    select a.dataset_id, a.version_id, a.previous_version_id, a.created_version, false, a.new_count, a.changed_count,
      a.unchanged_count, a.deleted_count, a.restored_count
    from stage1_internal.version_answers as a
    where a.dataset_id = restore_dataset_version.dataset_id and a.request_key = p_request_key;
    if found then
      return;
    end if;
  end if;
  v_sequence := stage1_internal.version_sequence(dataset_id::text, p_version);
  perform stage1_internal.check_expected_version(dataset_id, p_expected_version_id);
  select v.* into v_latest
  from public.dataset_versions as v
  where v.dataset_id = restore_dataset_version.dataset_id
  order by v.sequence desc
  limit 1;
  perform stage1_internal.diff_with_version(dataset_id, v_latest.sequence, v_sequence);
  select
    0, count(*) filter (where c.change = 'changed'), v_latest.example_count - count(*) filter (where c.change <> 'restored'),
    count(*) filter (where c.change = 'deleted'), count(*) filter (where c.change = 'restored')
    into new_count, changed_count, unchanged_count, deleted_count, restored_count
  from pg_temp.example_changes as c;

  created_version := changed_count + deleted_count + restored_count > 0;
  if created_version and v_is_writing then
    select v.version_id into v_restored_from
    from public.dataset_versions as v
    where v.dataset_id = v_latest.dataset_id and v.sequence = v_sequence;
    version_id := stage1_internal.write_example_version(
      dataset_id, 'restore', v_restored_from, unchanged_count, p_description, p_metadata, p_request_key, p_created_by);
    previous_version_id := v_latest.version_id;
    return next;
    return;
  end if;
  version_id := v_latest.version_id;
  select v.version_id into previous_version_id
  from public.dataset_versions as v
  where v.dataset_id = v_latest.dataset_id and v.sequence = v_latest.sequence - 1;
  if v_is_writing and p_request_key is not null then
    perform stage1_internal.remember_request(dataset_id, p_request_key, version_id, unchanged_count);
  end if;
  return next;
end;
$function$;

comment on function public.restore_dataset_version(text, text, uuid, boolean, text, jsonb, text, text) is
'Makes the next version of a dataset hold what one of its versions held.';
