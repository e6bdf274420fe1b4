-- Makes a dataset of examples, or its next version, of what is staged (stage1_internal.stage_examples) or of p_examples.
-- p_mode: merge adds and changes; mirror deletes what is not given, too. The dataset is named by p_dataset_id or by p_name, which may
-- be new. Where nothing changed, no version is made, and version_id is the latest; the first version may be empty. A staged example
-- without a body is left as it is, and must be so. The same p_request_key again: the answer of then, whatever is expected now.
-- p_dry_run writes nothing: version_id is the latest, and created_version says whether there would be another one.
-- Locks: the dataset's row to the end of the transaction: upserts of one dataset come one after the other, readers go on.
-- Security definer: versions are written by functions of the owner alone.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1E05 empty mirror, S1E09 body missing; of the dataset S1C01, S1C02, S1E06;
-- of the expected version S1E02; of the examples S1E03, S1E04, S1E10.
-- depends: locked_examples check_staged_examples check_version_request check_expected_version diff_staged_examples
-- depends: write_example_version remember_request version_answers
create or replace function public.upsert_dataset_examples(
  p_dataset_id uuid default null,
  p_name text default null,
  p_mode text default null,
  p_expected_version_id uuid default null,
  p_dry_run boolean default false,
  p_allow_empty boolean default false,
  p_description text default null,
  p_metadata jsonb default '{}',
  p_request_key text default null,
  p_created_by text default null,
  p_examples json default null,
  p_new_dataset_id uuid default null
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
  v_staged bigint;
  v_latest public.dataset_versions;
  v_missing text;
begin
  if p_mode is null or p_mode not in ('merge', 'mirror') then
    raise exception using errcode = case when p_mode is null then 'S1A01' else 'S1A02' end,
      message = format('p_mode was %s; merge or mirror was expected.', coalesce(quote_literal(left(p_mode, 100)), 'null')),
      hint = 'merge adds and changes examples; mirror deletes those that are not given, too.';
  end if;
  perform stage1_internal.check_version_request(p_metadata, p_request_key);
  select l.dataset_id, l.is_created into dataset_id, created_dataset
  from stage1_internal.locked_examples(p_dataset_id, p_name, v_is_writing, p_new_dataset_id) as l;
  if v_is_writing and p_request_key is not null then
    return query
    select a.dataset_id, a.version_id, a.previous_version_id, a.created_version, a.created_dataset, a.new_count, a.changed_count,
      a.unchanged_count, a.deleted_count, a.restored_count
    from stage1_internal.version_answers as a
    where a.dataset_id = upsert_dataset_examples.dataset_id and a.request_key = p_request_key;
    if found then
      return;
    end if;
  end if;
  perform stage1_internal.check_expected_version(dataset_id, p_expected_version_id);
  v_staged := stage1_internal.check_staged_examples(p_examples);
  if v_staged = 0 and p_mode = 'mirror' and not coalesce(p_allow_empty, false) then
    raise exception using errcode = 'S1E05',
      message = 'The examples were empty; a mirror of nothing deletes every example of the dataset.',
      hint = 'Pass p_allow_empty => true where that is meant.';
  end if;

  select v.* into v_latest
  from public.dataset_versions as v
  where v.dataset_id = upsert_dataset_examples.dataset_id
  order by v.sequence desc
  limit 1;
  perform stage1_internal.diff_staged_examples(
    dataset_id, p_mode = 'mirror', p_mode = 'mirror' or v_staged * 4 > coalesce(v_latest.example_count, 0), v_is_writing);
  select
    count(*) filter (where c.change = 'new'), count(*) filter (where c.change = 'changed'),
    v_staged - count(*) filter (where c.change <> 'deleted'), count(*) filter (where c.change = 'deleted'),
    count(*) filter (where c.change = 'restored'),
    -- Without a body: the smallest of them says enough.
    min(c.source_id) filter (where c.change <> 'deleted' and c.input is null)
    into new_count, changed_count, unchanged_count, deleted_count, restored_count, v_missing
  from pg_temp.example_changes as c;
  if v_is_writing and v_missing is not null then
    raise exception using errcode = 'S1E09',
      message = format('source_id %L was given by its hash alone, and the dataset holds another content.', left(v_missing, 100)),
      hint = 'The dataset changed since the plan: plan again, and send the examples that are needed then.';
  end if;

  created_version := v_latest.version_id is null or new_count + changed_count + deleted_count + restored_count > 0;
  if created_version and v_is_writing then
    version_id := stage1_internal.write_example_version(
      dataset_id, p_mode, null, unchanged_count, p_description, p_metadata, p_request_key, p_created_by);
    previous_version_id := v_latest.version_id;
    return next;
    return;
  end if;
  created_dataset := created_dataset or dataset_id is null;
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

comment on function public.upsert_dataset_examples(
  uuid, text, text, uuid, boolean, boolean, text, jsonb, text, text, json, uuid
) is
'Makes a dataset of examples or its next version of what is given: added and changed (merge), or exactly that (mirror).';
