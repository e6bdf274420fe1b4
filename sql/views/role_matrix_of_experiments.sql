-- Who may do what of experiments. A part of role_matrix, whose header says what it is.
create or replace view stage1_internal.role_matrix_of_experiments (role_names, privileges, object_kind, object_names)
  with (security_invoker = true) as
select
  m.role_names,
  m.privileges,
  m.object_kind,
  m.object_names
from (
  values
    -- Experiments are read by everybody who works with them, and written by functions of the owner alone.
    (
      array['stage1_app', 'stage1_readonly'],
      array['select'],
      'table',
      array[
        'public.experiments', 'public.experiment_runs', 'public.experiment_evaluations', 'public.experiment_list',
        'public.experiment_run_list'
      ]
    ),
    (
      array['stage1_app'],
      array['execute'],
      'function',
      array[
        'public.create_experiment', 'public.record_experiment_run', 'public.record_experiment_runs',
        'public.record_experiment_evaluation', 'public.record_experiment_evaluations',
        'stage1_internal.stage_experiment_runs', 'stage1_internal.stage_experiment_evaluations'
      ]
    ),
    (
      array['stage1_app', 'stage1_readonly'],
      array['execute'],
      'function',
      array[
        'public.fn_show_experiment', 'public.fn_list_experiments', 'public.fn_experiment_runs', 'public.fn_incomplete_runs',
        'public.fn_incomplete_evaluations', 'public.fn_compare_experiments', 'public.fn_compare_evaluations',
        'stage1_internal.find_experiment', 'stage1_internal.find_compared_experiments'
      ]
    ),
    (
      array['stage1_readonly'],
      array['select'],
      'table',
      array['public.experiment_versions_differ', 'public.evaluations_of_failed_runs']
    )
) as m (role_names, privileges, object_kind, object_names);

comment on view stage1_internal.role_matrix_of_experiments is
'The part of the role matrix that decides about experiments.';
