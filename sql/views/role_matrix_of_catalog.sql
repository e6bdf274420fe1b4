-- Who may do what of the catalog: the datasets, their manifests and what uses them. A part of role_matrix, whose header says what it is.
create or replace view stage1_internal.role_matrix_of_catalog (role_names, privileges, object_kind, object_names)
  with (security_invoker = true) as
select
  m.role_names,
  m.privileges,
  m.object_kind,
  m.object_names
from (
  values
    -- The catalog's clients.
    (
      array['stage1_app', 'stage1_ingest', 'stage1_replay', 'stage1_readonly'],
      array['usage'],
      'schema',
      array['public']
    ),
    (
      array['stage1_app', 'stage1_replay'],
      array['select', 'insert', 'update'],
      'table',
      array['public.stage1_datasets', 'public.indicator_datasets', 'public.walkforward_runs', 'public.simulation_runs']
    ),
    (
      array['stage1_app', 'stage1_replay'],
      array['execute'],
      'function',
      array['public.upsert_stage1_dataset']
    ),
    (
      array['stage1_app', 'stage1_readonly'],
      array['execute'],
      'function',
      array[
        'public.fn_list_datasets', 'public.fn_list_datasets_after',
        'public.fn_list_runs', 'public.fn_list_runs_after',
        'public.fn_list_simulations', 'public.fn_list_simulations_after',
        'public.fn_show_dataset', 'public.fn_dataset_lineage', 'public.fn_find_dataset',
        'public.fn_trace_dataset', 'public.fn_get_dataset_manifest', 'public.check_cursor'
      ]
    ),
    (
      array['stage1_app', 'stage1_readonly'],
      array['select'],
      'table',
      array[
        'public.dataset_catalog', 'public.dataset_hierarchy', 'public.run_catalog', 'public.simulation_catalog',
        'public.dataset_lineage'
      ]
    ),
    -- Whoever derives bars registers them and finds them again. Manifests are written by this function of the owner alone.
    (
      array['stage1_app', 'stage1_ingest'],
      array['execute'],
      'function',
      array['public.upsert_dataset_manifest']
    ),
    (
      array['stage1_ingest'],
      array['execute'],
      'function',
      array['public.fn_find_dataset', 'public.fn_get_dataset_manifest']
    ),
    (
      array['stage1_app', 'stage1_ingest', 'stage1_readonly'],
      array['select'],
      'table',
      array['public.datasets', 'public.dataset_manifests', 'public.manifests_without_bars', 'public.manifest_counts_differ']
    ),
    -- Loaders find their dataset.
    (
      array['stage1_ingest', 'stage1_readonly'],
      array['select'],
      'table',
      array['public.stage1_datasets']
    )
) as m (role_names, privileges, object_kind, object_names);

comment on view stage1_internal.role_matrix_of_catalog is
'The part of the role matrix that decides about the catalog, its datasets, manifests, runs and simulations.';
