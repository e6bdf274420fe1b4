-- An experiment is of one version of its dataset. create_experiment sees to it; whoever writes the table otherwise may not.
create or replace view public.experiment_versions_differ as
select
  'experiment_versions_differ' as check_name,
  'error' as severity,
  e.experiment_id::text as subject,
  format('it is of dataset %s and of version %s, which is of dataset %s', e.dataset_id, v.sequence, v.dataset_id) as detail
from public.experiments as e
inner join public.dataset_versions as v on v.version_id = e.version_id
where v.dataset_id <> e.dataset_id;

comment on view public.experiment_versions_differ is
'Experiments whose version is one of another dataset.';
