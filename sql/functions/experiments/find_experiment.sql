-- What the functions of experiments need to know of one: its dataset, its version and how often each example is run.
-- Definer functions call it: types that their caller made in pg_temp are found last.
-- Raises: S1A01 argument missing, S1X01 experiment not found.
create or replace function stage1_internal.find_experiment(
  p_experiment_id uuid,
  p_argument text default 'p_experiment_id'
)
  returns table (
    experiment_id uuid,
    dataset_id uuid,
    sequence bigint,
    repetitions bigint
  )
  language plpgsql
  stable
  rows 1
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if p_experiment_id is null then
    raise exception using errcode = 'S1A01',
      message = format('%s was null; the id of an experiment was expected.', p_argument),
      hint = 'select experiment_id from fn_list_experiments() lists the ids.';
  end if;
  return query
  select e.experiment_id, e.dataset_id, v.sequence, e.repetitions
  from public.experiments as e
  inner join public.dataset_versions as v on v.version_id = e.version_id
  where e.experiment_id = p_experiment_id;
  if not found then
    raise exception using errcode = 'S1X01',
      message = format('%s was %s; there is no experiment of that id.', p_argument, p_experiment_id),
      hint = 'select experiment_id from fn_list_experiments() lists the ids; `stage1 experiments list` does, too.';
  end if;
end;
$function$;

comment on function stage1_internal.find_experiment(uuid, text) is
'The dataset, the version and the repetitions of an experiment.';
