-- Fills pg_temp.example_changes with what a dataset must change to be what it was at one of its versions; p_latest is its latest.
-- `limit 1` makes each look one into a unique index, as in fn_diff_dataset_versions.
-- Locks: none but on the temporary table.
-- Security definer: it is called with the owner's rights, and finds no types that the caller made.
-- depends: make_example_changes version_differences
create or replace function stage1_internal.diff_with_version(
  p_dataset_id uuid,
  p_latest bigint,
  p_sequence bigint
)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set work_mem = '64MB'
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
begin
  perform stage1_internal.make_example_changes();
  insert into pg_temp.example_changes (source_id, example_id, change, input, output, metadata, content_hash)
  select
    e.source_id, e.example_id,
    case when k.other_hash is null then 'deleted' when k.base_hash is null then 'restored' else 'changed' end,
    r.input, r.output, r.metadata, r.content_hash
  from stage1_internal.version_differences(p_dataset_id, p_latest, p_sequence) as k
  cross join lateral (
    select q.source_id, q.example_id
    from public.dataset_examples as q
    where q.example_id = k.example_id
    limit 1
  ) as e
  left join lateral (
    select q.input, q.output, q.metadata, q.content_hash
    from public.dataset_example_revisions as q
    where q.example_id = k.example_id and q.from_sequence = k.other_sequence
    limit 1
  ) as r on true
  order by e.source_id;
end;
$function$;

comment on function stage1_internal.diff_with_version(uuid, bigint, bigint) is
'Fills the temporary table of changes with what brings a dataset back to one of its versions.';
