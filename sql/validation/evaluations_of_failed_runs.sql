-- Only a successful run is evaluated, and it stays as it is: an evaluation of a failed one judges an output that is not there.
-- Failed runs are few, and have an index of their own; for each it is one look into the evaluations.
create or replace view public.evaluations_of_failed_runs as
select
  'evaluations_of_failed_runs' as check_name,
  'error' as severity,
  r.experiment_id::text as subject,
  format('run %s failed (%s), and is evaluated by %s', r.run_id, left(r.error, 100), e.names) as detail
from public.experiment_runs as r
cross join lateral (
  select string_agg(v.name, ', ' order by v.name) as names
  from public.experiment_evaluations as v
  where v.run_id = r.run_id
) as e
where r.error is not null and e.names is not null;

comment on view public.evaluations_of_failed_runs is
'Runs of experiments that failed and are evaluated all the same.';
