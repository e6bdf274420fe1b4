-- The lineage of one dataset, named by slug or id, to be read top down: the vendor's files, the manifest, the ingest, the
-- dataset, its versions and the experiments on them, then its runs, the oldest first, each followed by its simulations.
-- Without parallel workers, as in fn_dataset_lineage.
-- Raises: S1A01 argument missing, S1C02 dataset not found.
-- depends: dataset_lineage fn_find_dataset
create or replace function public.fn_trace_dataset(
  p_dataset text
)
  returns setof public.dataset_lineage
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
  select l.*
  from public.dataset_lineage as l
  where l.dataset_id = v_dataset_id
  order by
    least(l.step, 7),
    min(l.happened_at) filter (where l.kind = 'run') over (partition by l.run_id),
    l.run_id,
    l.step,
    l.happened_at,
    l.name;
end;
$function$;

comment on function public.fn_trace_dataset(text) is
'What came from what, for the dataset of a slug or id: files, manifest, ingest, versions, experiments, runs, simulations.';
