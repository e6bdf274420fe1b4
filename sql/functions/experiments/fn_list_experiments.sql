-- The page of the experiments that follows a row, newest first; of one dataset, or of all.
-- The page's ids are found in the index alone, then its rows are read and counted, each by its id, as in fn_list_datasets.
-- plpgsql with custom plans, because the plan depends on the arguments.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1C02 dataset not found.
-- depends: experiment_list check_page check_cursor fn_find_dataset
create or replace function public.fn_list_experiments(
  p_dataset text default null,
  p_limit integer default 50,
  p_after_created_at timestamptz default null,
  p_after_experiment_id uuid default null
)
  returns setof public.experiment_list
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
declare
  v_dataset_id uuid;
begin
  perform public.check_page(p_limit, 0);
  perform public.check_cursor('p_after_created_at', p_after_created_at, 'p_after_experiment_id', p_after_experiment_id);
  if p_dataset is not null then
    v_dataset_id := public.fn_find_dataset(p_dataset);
  end if;
  return query
  select c.*
  from (
    select e.experiment_id
    from public.experiments as e
    where (v_dataset_id is null or e.dataset_id = v_dataset_id)
      and (p_after_created_at is null or (e.created_at, e.experiment_id) < (p_after_created_at, p_after_experiment_id))
    order by e.created_at desc, e.experiment_id desc
    limit p_limit
  ) as page
    cross join lateral (
      select k.* from public.experiment_list as k where k.experiment_id = page.experiment_id
      offset 0
    ) as c
  order by c.created_at desc, c.experiment_id desc;
end;
$function$;

comment on function public.fn_list_experiments(text, integer, timestamptz, uuid) is
'The page of the experiments that follows a given row, or the first page, newest first; of one dataset, or of all.';
