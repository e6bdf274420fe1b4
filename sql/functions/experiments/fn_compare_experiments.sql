-- The page of the examples that follows a source id, of those that are in the version of one of two experiments: where they are,
-- whether their content differs between the versions, and the runs of both. An example that one version lacks does not differ.
-- The ids of a page are found first, along the dataset's examples, without sorting what is behind the page; then the runs of its
-- examples are read by their key.
-- plpgsql with custom plans, because the plan depends on the limit.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1X01 experiment not found, S1X07 not comparable.
-- depends: experiment_run_list find_compared_experiments check_page
create or replace function public.fn_compare_experiments(
  p_base uuid,
  p_other uuid,
  p_limit integer default 50,
  p_after_source_id text default null
)
  returns table (
    source_id text,
    presence text,
    content_differs boolean,
    base_hash text,
    other_hash text,
    base_runs json,
    other_runs json
  )
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set enable_hashjoin = off
  set enable_mergejoin = off
  set enable_sort = off
  set jit = off
as $function$
declare
  v_compared record;
begin
  perform public.check_page(p_limit, 0);
  select f.* into strict v_compared from stage1_internal.find_compared_experiments(p_base, p_other) as f;
  return query
  select
    page.source_id::text,
    case when page.other_hash is null then 'base' when page.base_hash is null then 'other' else 'both' end,
    coalesce(page.base_hash <> page.other_hash, false),
    encode(page.base_hash, 'hex'),
    encode(page.other_hash, 'hex'),
    b.runs,
    o.runs
  from (
    select x.example_id, x.source_id, h.base_hash, h.other_hash
    from public.dataset_examples as x
    cross join lateral (
      select
        (
          select v.content_hash
          from public.dataset_example_revisions as v
          where v.example_id = x.example_id and v.from_sequence <= v_compared.base_sequence
          order by v.from_sequence desc
          limit 1
        ) as base_hash,
        (
          select v.content_hash
          from public.dataset_example_revisions as v
          where v.example_id = x.example_id and v.from_sequence <= v_compared.other_sequence
          order by v.from_sequence desc
          limit 1
        ) as other_hash
      offset 0
    ) as h
    where x.dataset_id = v_compared.dataset_id and x.source_id > coalesce(p_after_source_id, '')
      and (h.base_hash is not null or h.other_hash is not null)
    order by x.source_id
    limit p_limit
  ) as page
  cross join lateral (
    select coalesce(
      json_agg(
        json_build_object('repetition', r.repetition, 'output', r.output, 'error', r.error, 'evaluations', r.evaluations)
        order by r.repetition
      ), '[]'
    ) as runs
    from public.experiment_run_list as r
    where r.experiment_id = p_base and r.example_id = page.example_id
  ) as b
  cross join lateral (
    select coalesce(
      json_agg(
        json_build_object('repetition', r.repetition, 'output', r.output, 'error', r.error, 'evaluations', r.evaluations)
        order by r.repetition
      ), '[]'
    ) as runs
    from public.experiment_run_list as r
    where r.experiment_id = p_other and r.example_id = page.example_id
  ) as o
  order by page.source_id;
end;
$function$;

comment on function public.fn_compare_experiments(uuid, uuid, integer, text) is
'Two experiments example by example: in whose version it is, whether its content differs, and the runs of both.';
