-- The page of the examples that follows a source id, of those that an experiment still has to run: with their content in the
-- experiment's version, and the repetitions that are missing or failed. p_limit counts examples.
-- One walk along the dataset's examples, whatever the page: reading all pages costs it once, and nothing is sorted.
-- plpgsql with custom plans, because the plan depends on the limit.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1X01 experiment not found.
-- depends: find_experiment check_page
create or replace function public.fn_incomplete_runs(
  p_experiment_id uuid,
  p_limit integer default 50,
  p_after_source_id text default null
)
  returns table (
    source_id text,
    input json,
    output json,
    metadata json,
    content_hash text,
    repetitions bigint[]
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
  v_experiment record;
begin
  perform public.check_page(p_limit, 0);
  select f.* into strict v_experiment from stage1_internal.find_experiment(p_experiment_id) as f;
  return query
  select
    x.source_id::text, h.input, h.output, h.metadata, encode(h.content_hash, 'hex'),
    array(
      select g.repetition
      from generate_series(1, v_experiment.repetitions) as g (repetition)
      where g.repetition <> all (d.repetitions)
      order by g.repetition
    )
  from public.dataset_examples as x
  cross join lateral (
    select coalesce(array_agg(r.repetition), '{}') as repetitions
    from public.experiment_runs as r
    where r.experiment_id = p_experiment_id and r.example_id = x.example_id and r.error is null
  ) as d
  cross join lateral (
    select v.kind, v.input, v.output, v.metadata, v.content_hash
    from public.dataset_example_revisions as v
    where v.example_id = x.example_id and v.from_sequence <= v_experiment.sequence
      and cardinality(d.repetitions) < v_experiment.repetitions
    order by v.from_sequence desc
    limit 1
  ) as h
  where x.dataset_id = v_experiment.dataset_id and x.source_id > coalesce(p_after_source_id, '') and h.kind <> 'DELETE'
  order by x.source_id
  limit p_limit;
end;
$function$;

comment on function public.fn_incomplete_runs(uuid, integer, text) is
'The examples that an experiment still has to run, with the repetitions that are missing or failed; a page by source id.';
