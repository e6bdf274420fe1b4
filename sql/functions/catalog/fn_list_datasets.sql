-- One page of the catalog, last changed first.
-- The page's ids are found in the index alone, then its rows are read and counted, each by its id: `offset 0` keeps
-- PostgreSQL from joining the page with the whole table, which it prefers for pages of some hundreds of rows.
-- plpgsql with custom plans, because PostgreSQL 15 plans `limit p_limit` of an SQL function blind.
-- Without JIT: the estimate of a large page passes its threshold, and the compiler takes longer than the page.
-- Raises: S1A02 argument invalid.
-- depends: dataset_catalog check_page
-- adopts: stage 1.3
create or replace function public.fn_list_datasets(
  p_limit int default 50,
  p_offset int default 0
)
  returns setof public.dataset_catalog
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
begin
  perform public.check_page(p_limit, p_offset);
  return query
  select c.*
  from (
    select d.dataset_id
    from public.stage1_datasets as d
    order by d.updated_at desc, d.dataset_id desc
    limit p_limit offset p_offset
  ) as page
    cross join lateral (
      select k.* from public.dataset_catalog as k where k.dataset_id = page.dataset_id
      offset 0
    ) as c
  order by c.updated_at desc, c.dataset_id desc;
end;
$function$;

comment on function public.fn_list_datasets(int, int) is
'One page of the dataset catalog, last changed first.';
