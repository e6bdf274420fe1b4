-- The page of the catalog that follows a row, last changed first; equally quick at any depth.
-- Written as fn_list_datasets, whose header gives the reasons.
-- Raises: S1A02 argument invalid.
-- depends: dataset_catalog check_page check_cursor
create or replace function public.fn_list_datasets_after(
  p_limit int default 50,
  p_after_updated_at timestamptz default null,
  p_after_dataset_id uuid default null
)
  returns setof public.dataset_catalog
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
begin
  perform public.check_page(p_limit, 0);
  perform public.check_cursor('p_after_updated_at', p_after_updated_at, 'p_after_dataset_id', p_after_dataset_id);
  return query
  select c.*
  from (
    select d.dataset_id
    from public.stage1_datasets as d
    where p_after_updated_at is null or (d.updated_at, d.dataset_id) < (p_after_updated_at, p_after_dataset_id)
    order by d.updated_at desc, d.dataset_id desc
    limit p_limit
  ) as page
    cross join lateral (
      select k.* from public.dataset_catalog as k where k.dataset_id = page.dataset_id
      offset 0
    ) as c
  order by c.updated_at desc, c.dataset_id desc;
end;
$function$;

comment on function public.fn_list_datasets_after(int, timestamptz, uuid) is
'The page of the dataset catalog that follows the row of the given updated_at and dataset_id; nulls for the first page.';
