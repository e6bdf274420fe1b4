-- How the examples of two versions of a dataset differ, in the order of their source ids: the page after one of them.
-- What was revised between the two is found by the range of sequences and then ordered, where that is little. Where the versions
-- between say that it is much, the examples are walked in their order instead, until the page is full: few of them are skipped.
-- The walk is over a range of one dataset, for the reason that fn_dataset_examples gives, and nothing is sorted there. `limit 1`
-- makes each look one into a unique index: of a dataset that nobody has analysed a join would choose its side by chance.
-- p_base may be the later one. An example that changed and changed back does not differ.
-- Raises: S1A02 argument invalid; of a version S1A02, S1E01, S1E07; of the dataset S1A01, S1C02.
-- depends: version_differences version_sequence fn_find_dataset check_page
create or replace function public.fn_diff_dataset_versions(
  p_dataset text,
  p_base text,
  p_other text,
  p_limit int default 100,
  p_after_source_id text default null
)
  returns table (
    source_id text,
    change text,
    base_hash text,
    other_hash text,
    base_sequence bigint,
    other_sequence bigint
  )
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set enable_sort = on
  set jit = off
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
  v_base constant bigint := stage1_internal.version_sequence(p_dataset, p_base);
  v_other constant bigint := stage1_internal.version_sequence(p_dataset, p_other);
  v_is_much boolean;
begin
  perform public.check_page(p_limit, 0);
  select coalesce(sum(v.new_count + v.changed_count + v.deleted_count + v.restored_count), 0) * 2 > max(v.example_count) into v_is_much
  from public.dataset_versions as v
  where v.dataset_id = v_dataset_id and v.sequence > least(v_base, v_other) and v.sequence <= greatest(v_base, v_other);
  if v_is_much then
    perform set_config('enable_sort', 'off', true);
    return query
    select f.source_id, case when f.base is null then 'new' when f.other is null then 'deleted' else 'changed' end,
      encode(f.base, 'hex'), encode(f.other, 'hex'),
      case when f.base is not null then f.base_from end, case when f.other is not null then f.other_from end
    from (
      select e.source_id, b.content_hash as base, o.content_hash as other, b.from_sequence as base_from, o.from_sequence as other_from
      from public.dataset_examples as e
      left join lateral (
        select s.content_hash, s.from_sequence
        from public.dataset_example_revisions as s
        where s.example_id = e.example_id and s.from_sequence <= v_base
        order by s.from_sequence desc
        limit 1
      ) as b on true
      left join lateral (
        select s.content_hash, s.from_sequence
        from public.dataset_example_revisions as s
        where s.example_id = e.example_id and s.from_sequence <= v_other
        order by s.from_sequence desc
        limit 1
      ) as o on true
      where (e.dataset_id, e.source_id) > (v_dataset_id, coalesce(p_after_source_id, '')) and e.dataset_id <= v_dataset_id
        and b.content_hash is distinct from o.content_hash
      order by e.dataset_id, e.source_id
      limit p_limit
    ) as f;
    return;
  end if;
  return query
  select e.source_id, case when k.base_hash is null then 'new' when k.other_hash is null then 'deleted' else 'changed' end,
    encode(k.base_hash, 'hex'), encode(k.other_hash, 'hex'), k.base_sequence, k.other_sequence
  from stage1_internal.version_differences(v_dataset_id, v_base, v_other) as k
  cross join lateral (
    select q.source_id
    from public.dataset_examples as q
    where q.example_id = k.example_id
    limit 1
  ) as e
  where e.source_id > coalesce(p_after_source_id, '')
  order by e.source_id
  limit p_limit;
end;
$function$;

comment on function public.fn_diff_dataset_versions(text, text, text, int, text) is
'How the examples of two versions of a dataset differ, by source id: new, changed or deleted, with both hashes.';
