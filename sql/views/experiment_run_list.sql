-- One row per run of an experiment, with its example's source id and its evaluations as a JSON array, by name. Times of evaluations are
-- RFC 3339 in UTC. Both are correlated: looked up for the rows of a page only, and by their keys, whatever is known of new tables.
create or replace view public.experiment_run_list as
select
  r.experiment_id,
  r.run_id,
  r.example_id,
  (select x.source_id from public.dataset_examples as x where x.example_id = r.example_id) as source_id,
  r.repetition,
  r.output,
  r.error,
  r.started_at,
  r.finished_at,
  r.recorded_at,
  r.recorded_by,
  r.attempt,
  coalesce((
    select
      json_agg(
        json_build_object(
          'name', v.name,
          'annotator_kind', v.annotator_kind,
          'label', v.label,
          'score', v.score,
          'explanation', v.explanation,
          'error', v.error,
          'metadata', v.metadata,
          'started_at', to_char(v.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
          'finished_at', to_char(v.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
          'recorded_at', to_char(v.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
          'recorded_by', v.recorded_by
        ) order by v.name
      )
    from public.experiment_evaluations as v
    where v.run_id = r.run_id
  ), '[]') as evaluations
from public.experiment_runs as r;

comment on view public.experiment_run_list is
'One row per run of an experiment: its example, its output or error, and its evaluations.';
