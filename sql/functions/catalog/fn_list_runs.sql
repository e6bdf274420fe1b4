-- One page of the walk-forward runs, newest first.
-- The page's ids are found in an index, then its rows are read, each by its id: `offset 0` keeps PostgreSQL from
-- joining the page with the whole table. A symbol alone has a statement of its own, which asks each dataset of the
-- symbol for its newest rows: the time follows the symbol's datasets. A join in the other direction reads every row
-- there is before it finds that a symbol has none. plpgsql with custom plans, because the plan depends on the arguments.
-- Without JIT: the estimate of a large page passes its threshold, and the compiler takes longer than the page.
-- Raises: S1A02 argument invalid.
-- depends: run_catalog check_page
-- adopts: stage 1.3
create or replace function public.fn_list_runs(
  p_limit int default 50,
  p_offset int default 0,
  p_dataset_id uuid default null,
  p_symbol text default null
)
  returns setof public.run_catalog
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
begin
  perform public.check_page(p_limit, p_offset);
  if p_symbol is null or p_dataset_id is not null then
    return query
    select c.*
    from (
      select r.run_id
      from public.walkforward_runs as r
      where (p_dataset_id is null or r.dataset_id = p_dataset_id)
        and (p_symbol is null or exists (
          select 1 from public.stage1_datasets as d where d.dataset_id = r.dataset_id and d.symbol = p_symbol
        ))
      order by r.created_at desc, r.run_id desc
      limit p_limit offset p_offset
    ) as page
      cross join lateral (
        select k.* from public.run_catalog as k where k.run_id = page.run_id
        offset 0
      ) as c
    order by c.created_at desc, c.run_id desc;
    return;
  end if;
  return query
  select c.*
  from (
    select newest.run_id
    from public.stage1_datasets as d
      cross join lateral (
        select r.run_id, r.created_at
        from public.walkforward_runs as r
        where r.dataset_id = d.dataset_id
        order by r.created_at desc, r.run_id desc
        limit p_limit::bigint + p_offset
      ) as newest
    where d.symbol = p_symbol
    order by newest.created_at desc, newest.run_id desc
    limit p_limit offset p_offset
  ) as page
    cross join lateral (
      select k.* from public.run_catalog as k where k.run_id = page.run_id
      offset 0
    ) as c
  order by c.created_at desc, c.run_id desc;
end;
$function$;

comment on function public.fn_list_runs(int, int, uuid, text) is
'One page of the walk-forward runs, newest first, with their datasets'' slugs and measurements. Filtered by dataset and symbol.';
