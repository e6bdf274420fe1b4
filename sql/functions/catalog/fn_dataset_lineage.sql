-- The rows of dataset_hierarchy of one dataset, named by slug or id: its runs and their simulations, oldest first.
-- Without parallel workers: to start them takes ten times as long as to read the lineage of some hundred runs.
-- Raises: S1A01 argument missing, S1C02 dataset not found.
-- depends: dataset_hierarchy fn_find_dataset
create or replace function public.fn_dataset_lineage(
  p_dataset text
)
  returns setof public.dataset_hierarchy
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set max_parallel_workers_per_gather = 0
as $function$
declare
  v_dataset_id uuid := public.fn_find_dataset(p_dataset);
begin
  return query
  select h.*
  from public.dataset_hierarchy as h
  where h.dataset_id = v_dataset_id
  order by h.run_created_at, h.run_id, h.simulation_created_at, h.simulation_id;
end;
$function$;

comment on function public.fn_dataset_lineage(text) is
'The lineage of the dataset that a slug or the text of an id names: its runs and their simulations, oldest first.';
