-- The dataset of two experiments, and the version of each; refuses experiments of different datasets.
-- Raises: S1A01 argument missing, S1X01 experiment not found, S1X07 not comparable.
-- depends: find_experiment
create or replace function stage1_internal.find_compared_experiments(
  p_base uuid,
  p_other uuid
)
  returns table (
    dataset_id uuid,
    base_sequence bigint,
    other_sequence bigint
  )
  language plpgsql
  stable
  rows 1
  set search_path = ''
as $function$
declare
  v_base record;
  v_other record;
begin
  select f.* into strict v_base from stage1_internal.find_experiment(p_base, 'p_base') as f;
  select f.* into strict v_other from stage1_internal.find_experiment(p_other, 'p_other') as f;
  if v_base.dataset_id <> v_other.dataset_id then
    raise exception using errcode = 'S1X07',
      message = format('p_base, %s, is an experiment on another dataset than p_other, %s.', p_base, p_other),
      detail = format('Their datasets are %s and %s.', v_base.dataset_id, v_other.dataset_id),
      hint = 'Compare experiments of one dataset; their versions may differ.';
  end if;
  dataset_id := v_base.dataset_id;
  base_sequence := v_base.sequence;
  other_sequence := v_other.sequence;
  return next;
end;
$function$;

comment on function stage1_internal.find_compared_experiments(uuid, uuid) is
'The dataset of two experiments, and the version of each.';
