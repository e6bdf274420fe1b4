-- The page of the simulations that follows a row, newest first; equally quick at any depth.
-- Written as fn_list_simulations, whose header gives the reasons.
-- Raises: S1A02 argument invalid.
-- depends: simulation_catalog check_page check_cursor
create or replace function public.fn_list_simulations_after(
  p_limit int default 50,
  p_after_created_at timestamptz default null,
  p_after_simulation_id uuid default null,
  p_dataset_id uuid default null,
  p_run_id uuid default null,
  p_symbol text default null
)
  returns setof public.simulation_catalog
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
begin
  perform public.check_page(p_limit, 0);
  perform public.check_cursor('p_after_created_at', p_after_created_at, 'p_after_simulation_id', p_after_simulation_id);
  if p_symbol is null or p_dataset_id is not null or p_run_id is not null then
    return query
    select c.*
    from (
      select s.simulation_id
      from public.simulation_runs as s
      where (p_dataset_id is null or s.dataset_id = p_dataset_id)
        and (p_run_id is null or s.run_id = p_run_id)
        and (p_symbol is null or exists (
          select 1 from public.stage1_datasets as d where d.dataset_id = s.dataset_id and d.symbol = p_symbol
        ))
        and (p_after_created_at is null or (s.created_at, s.simulation_id) < (p_after_created_at, p_after_simulation_id))
      order by s.created_at desc, s.simulation_id desc
      limit p_limit
    ) as page
      cross join lateral (
        select k.* from public.simulation_catalog as k where k.simulation_id = page.simulation_id
        offset 0
      ) as c
    order by c.created_at desc, c.simulation_id desc;
    return;
  end if;
  return query
  select c.*
  from (
    select newest.simulation_id
    from public.stage1_datasets as d
      cross join lateral (
        select s.simulation_id, s.created_at
        from public.simulation_runs as s
        where s.dataset_id = d.dataset_id
          and (p_after_created_at is null or (s.created_at, s.simulation_id) < (p_after_created_at, p_after_simulation_id))
        order by s.created_at desc, s.simulation_id desc
        limit p_limit
      ) as newest
    where d.symbol = p_symbol
    order by newest.created_at desc, newest.simulation_id desc
    limit p_limit
  ) as page
    cross join lateral (
      select k.* from public.simulation_catalog as k where k.simulation_id = page.simulation_id
      offset 0
    ) as c
  order by c.created_at desc, c.simulation_id desc;
end;
$function$;

comment on function public.fn_list_simulations_after(int, timestamptz, uuid, uuid, uuid, text) is
'The page of the simulations that follows a given row, or the first page. Filtered by dataset, run and symbol.';
