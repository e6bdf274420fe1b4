-- The page of the walk-forward runs that follows a row, newest first; equally quick at any depth.
-- Written as fn_list_runs, whose header gives the reasons.
-- Raises: S1A02 argument invalid.
-- depends: run_catalog check_page check_cursor
create or replace function public.fn_list_runs_after(
  p_limit int default 50,
  p_after_created_at timestamptz default null,
  p_after_run_id uuid default null,
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
  perform public.check_page(p_limit, 0);
  perform public.check_cursor('p_after_created_at', p_after_created_at, 'p_after_run_id', p_after_run_id);
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
        and (p_after_created_at is null or (r.created_at, r.run_id) < (p_after_created_at, p_after_run_id))
      order by r.created_at desc, r.run_id desc
      limit p_limit
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
          and (p_after_created_at is null or (r.created_at, r.run_id) < (p_after_created_at, p_after_run_id))
        order by r.created_at desc, r.run_id desc
        limit p_limit
      ) as newest
    where d.symbol = p_symbol
    order by newest.created_at desc, newest.run_id desc
    limit p_limit
  ) as page
    cross join lateral (
      select k.* from public.run_catalog as k where k.run_id = page.run_id
      offset 0
    ) as c
  order by c.created_at desc, c.run_id desc;
end;
$function$;

comment on function public.fn_list_runs_after(int, timestamptz, uuid, uuid, text) is
'The page of the walk-forward runs that follows a given row, or the first page. Filtered by dataset and symbol.';
