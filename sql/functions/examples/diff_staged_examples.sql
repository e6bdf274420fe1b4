-- Fills pg_temp.example_changes with how a dataset differs from what is staged: one row for each example that is new, changed or
-- restored, with its content, and in a mirror for each that is deleted. p_dataset_id is null for a dataset that is not there yet.
-- Few staged examples of a large dataset are looked up one by one, which `limit 1` enforces: joined, PostgreSQL may take a dataset
-- that it has no statistics of for one row, and read it whole for each. Where all are compared, nested loops are off for that reason.
-- p_is_writing gives new examples their ids, in the order of their source ids, so that they lie in it.
-- Locks: none but on the temporary table.
-- Security definer: it is called with the owner's rights, and finds no types that the caller made.
-- depends: make_example_changes
create or replace function stage1_internal.diff_staged_examples(
  p_dataset_id uuid,
  p_is_mirror boolean,
  p_is_large boolean,
  p_is_writing boolean
)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
  set work_mem = '64MB'
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
begin
  perform stage1_internal.make_example_changes();
  if p_is_large then
    insert into pg_temp.example_changes (source_id, example_id, change, input, output, metadata, content_hash)
    select
      s.source_id,
      case when e.example_id is null and p_is_writing then nextval('public.dataset_examples_example_id_seq') else e.example_id end,
      case when e.example_id is null then 'new' when e.head_hash is null then 'restored' else 'changed' end,
      s.input, s.output, s.metadata, s.content_hash
    from pg_temp.staged_examples as s
      left join public.dataset_examples as e on e.dataset_id = p_dataset_id and e.source_id = s.source_id
    where e.head_hash is distinct from s.content_hash
    order by s.source_id;
  else
    perform set_config('enable_nestloop', 'on', true);
    insert into pg_temp.example_changes (source_id, example_id, change, input, output, metadata, content_hash)
    select
      s.source_id,
      case when e.example_id is null and p_is_writing then nextval('public.dataset_examples_example_id_seq') else e.example_id end,
      case when e.example_id is null then 'new' when e.head_hash is null then 'restored' else 'changed' end,
      s.input, s.output, s.metadata, s.content_hash
    from pg_temp.staged_examples as s
      left join lateral (
        select k.example_id, k.head_hash
        from public.dataset_examples as k
        where k.dataset_id = p_dataset_id and k.source_id = s.source_id
        limit 1
      ) as e on true
    where e.head_hash is distinct from s.content_hash
    order by s.source_id;
  end if;
  if p_is_mirror then
    insert into pg_temp.example_changes (source_id, example_id, change)
    select e.source_id, e.example_id, 'deleted'
    from public.dataset_examples as e
    where e.dataset_id = p_dataset_id and e.head_hash is not null
      and not exists (select 1 from pg_temp.staged_examples as s where s.source_id = e.source_id);
  end if;
end;
$function$;

comment on function stage1_internal.diff_staged_examples(uuid, boolean, boolean, boolean) is
'Fills the temporary table of changes with how a dataset differs from what is staged.';
