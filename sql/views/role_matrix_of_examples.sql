-- Who may do what of versioned sets of examples. A part of role_matrix, whose header says what it is.
create or replace view stage1_internal.role_matrix_of_examples (role_names, privileges, object_kind, object_names)
  with (security_invoker = true) as
select
  m.role_names,
  m.privileges,
  m.object_kind,
  m.object_names
from (
  values
    -- Versions are read by everybody who works with them, and written by functions of the owner alone.
    (
      array['stage1_app', 'stage1_readonly'],
      array['select'],
      'table',
      array[
        'public.dataset_versions', 'public.dataset_examples', 'public.dataset_example_revisions', 'public.dataset_version_tags',
        'public.dataset_version_list', 'stage1_internal.dataset_requests', 'stage1_internal.version_answers'
      ]
    ),
    -- Whoever uploads stages the examples first.
    (
      array['stage1_app'],
      array['usage'],
      'schema',
      array['stage1_internal']
    ),
    (
      array['stage1_app'],
      array['execute'],
      'function',
      array[
        'stage1_internal.stage_examples', 'public.upsert_dataset_examples', 'public.plan_dataset_examples', 'public.needed_examples',
        'public.restore_dataset_version', 'public.tag_dataset_version', 'public.untag_dataset_version'
      ]
    ),
    (
      array['stage1_app', 'stage1_readonly'],
      array['execute'],
      'function',
      array[
        'public.fn_find_dataset_version', 'public.fn_list_dataset_versions', 'public.fn_dataset_examples',
        'public.fn_diff_dataset_versions', 'public.fn_diff_dataset_versions_summary', 'public.fn_example_history',
        'public.fn_list_dataset_tags', 'stage1_internal.version_sequence', 'stage1_internal.version_differences'
      ]
    ),
    (
      array['stage1_readonly'],
      array['select'],
      'table',
      array['public.example_heads_differ', 'public.example_counts_differ']
    )
) as m (role_names, privileges, object_kind, object_names);

comment on view stage1_internal.role_matrix_of_examples is
'The part of the role matrix that decides about versioned sets of examples.';
