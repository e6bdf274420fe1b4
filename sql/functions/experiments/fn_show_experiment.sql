-- One experiment: its version, and how many of its runs succeeded, failed and are missing.
-- Raises: S1A01 argument missing, S1X01 experiment not found.
-- depends: experiment_list find_experiment
create or replace function public.fn_show_experiment(
  p_experiment_id uuid
)
  returns setof public.experiment_list
  language plpgsql
  stable
  rows 1
  set search_path = ''
as $function$
begin
  perform stage1_internal.find_experiment(p_experiment_id);
  return query
  select e.* from public.experiment_list as e where e.experiment_id = p_experiment_id;
end;
$function$;

comment on function public.fn_show_experiment(uuid) is
'One experiment: its version, and how many of its runs succeeded, failed and are missing.';
