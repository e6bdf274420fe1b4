-- Who may do what of what tells how the database is: checks, backups and the ledgers of the migrations.
-- A part of role_matrix, whose header says what it is.
create or replace view stage1_internal.role_matrix_of_operations (role_names, privileges, object_kind, object_names)
  with (security_invoker = true) as
select
  m.role_names,
  m.privileges,
  m.object_kind,
  m.object_names
from (
  values
    (
      array['stage1_readonly'],
      array['select'],
      'table',
      array['stage1_internal.backup_records', 'public.backup_overdue']
    ),
    -- Whoever reads everything may also ask how the database is.
    (
      array['stage1_readonly'],
      array['select'],
      'table',
      array[
        'public.indicator_datasets', 'public.walkforward_runs', 'public.simulation_runs',
        'public.datasets_without_measurements', 'public.runs_on_datasets_without_measurements', 'public.placeholder_datasets',
        'public.failed_ingests', 'public.ingests_left_running', 'public.bar_summaries_differ', 'public.bars_without_ingest',
        'public.negative_counts', 'public.inverted_spans', 'public.drifted_objects', 'public.invalid_indexes',
        'public.partial_manifests_overdue', 'public.open_functions', 'stage1_internal.last_validation', 'stage1_internal.validation_runs',
        'stage1_internal.validation_results', 'stage1_internal.validation_findings', 'stage1_internal.bar_recounts',
        'stage1_internal.symbols_to_recount'
      ]
    ),
    (
      array['stage1_readonly'],
      array['usage'],
      'schema',
      array['stage1_internal']
    ),
    (
      array['stage1_readonly'],
      array['select'],
      'table',
      array[
        'stage1_internal.applied_migrations', 'stage1_internal.deployed_objects', 'stage1_internal.replaced_objects',
        'stage1_internal.role_matrix', 'stage1_internal.role_gaps', 'stage1_internal.role_matrix_of_catalog',
        'stage1_internal.role_matrix_of_bars', 'stage1_internal.role_matrix_of_replay', 'stage1_internal.role_matrix_of_operations',
        'stage1_internal.role_matrix_of_examples', 'stage1_internal.role_matrix_of_experiments', 'stage1_internal.role_matrix_of_access'
      ]
    ),
    (
      array['stage1_readonly'],
      array['execute'],
      'function',
      array[
        'stage1_internal.existing_objects', 'stage1_internal.table_row_counts',
        'stage1_internal.validation_summary', 'stage1_internal.checks', 'stage1_internal.check_findings',
        'stage1_internal.recounted_summaries', 'stage1_internal.record_validation', 'stage1_internal.drifting_objects',
        'public.fn_list_validations', 'public.fn_show_validation', 'public.fn_list_findings'
      ]
    ),
    -- The REST server shows its clients what was found.
    (
      array['stage1_app'],
      array['execute'],
      'function',
      array['public.fn_show_validation', 'public.fn_list_findings']
    ),
    (
      array['stage1_app'],
      array['select'],
      'table',
      array[
        'stage1_internal.validation_runs', 'stage1_internal.validation_results', 'stage1_internal.validation_findings'
      ]
    )
) as m (role_names, privileges, object_kind, object_names);

comment on view stage1_internal.role_matrix_of_operations is
'The part of the role matrix that decides about checks, backups and the ledgers of migrations.';
