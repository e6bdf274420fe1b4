-- Makes the next version of a dataset of pg_temp.example_changes, whoever filled it; returns its id. The caller holds the dataset's row.
-- The counts but the unchanged are those of the changes. The dataset counts as changed, so that the catalog lists it first.
-- Locks: the dataset's row, which the caller has. Writes dataset_versions, dataset_examples and dataset_example_revisions.
-- Security definer: it is called with the owner's rights, and finds no types that the caller made.
create or replace function stage1_internal.write_example_version(
  p_dataset_id uuid,
  p_origin text,
  p_restored_from uuid,
  p_unchanged_count bigint,
  p_description text,
  p_metadata jsonb,
  p_request_key text,
  p_created_by text
)
  returns uuid
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set work_mem = '64MB'
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
declare
  v_before public.dataset_versions;
  v_made public.dataset_versions;
begin
  select v.* into v_before from public.dataset_versions as v where v.dataset_id = p_dataset_id order by v.sequence desc limit 1;
  insert into public.dataset_versions as v (
    dataset_id, sequence, created_at, created_by, origin, restored_from, request_key, description, metadata,
    new_count, changed_count, unchanged_count, deleted_count, restored_count, example_count
  )
  select
    p_dataset_id, coalesce(v_before.sequence, 0) + 1, greatest(clock_timestamp(), v_before.created_at),
    coalesce(nullif(btrim(p_created_by), ''), session_user), p_origin, p_restored_from, p_request_key, p_description,
    coalesce(p_metadata, '{}'), c.new_count, c.changed_count, p_unchanged_count, c.deleted_count, c.restored_count,
    coalesce(v_before.example_count, 0) + c.new_count + c.restored_count - c.deleted_count
  from (
    select
      count(*) filter (where h.change = 'new') as new_count,
      count(*) filter (where h.change = 'changed') as changed_count,
      count(*) filter (where h.change = 'deleted') as deleted_count,
      count(*) filter (where h.change = 'restored') as restored_count
    from pg_temp.example_changes as h
  ) as c
  returning v.* into v_made;

  insert into public.dataset_examples (example_id, dataset_id, source_id, head_sequence, head_hash)
  select c.example_id, p_dataset_id, c.source_id, v_made.sequence, c.content_hash
  from pg_temp.example_changes as c
  where c.change = 'new';
  if v_made.changed_count + v_made.deleted_count + v_made.restored_count > 0 then
    analyze pg_temp.example_changes;
    update public.dataset_examples as e
    set head_sequence = v_made.sequence, head_hash = c.content_hash
    from pg_temp.example_changes as c
    where e.example_id = c.example_id and c.change <> 'new';
  end if;
  insert into public.dataset_example_revisions (example_id, from_sequence, dataset_id, kind, input, output, metadata)
  select
    c.example_id, v_made.sequence, p_dataset_id, case c.change when 'deleted' then 'DELETE' when 'changed' then 'PATCH' else 'CREATE' end,
    c.input, c.output, c.metadata
  from pg_temp.example_changes as c;
  update public.stage1_datasets as d set updated_at = now() where d.dataset_id = p_dataset_id;
  return v_made.version_id;
end;
$function$;

comment on function stage1_internal.write_example_version(uuid, text, uuid, bigint, text, jsonb, text, text) is
'Makes the next version of a dataset of the changes that stand in the temporary table, and returns its id.';
