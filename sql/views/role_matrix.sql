-- Who may do what: the one place in which grants are decided. Each table of stage1 stands here at least once, so that
-- this is also the list of our tables. stage1_owner owns everything and needs no line.
create or replace view stage1_internal.role_matrix (role_name, privilege, object_kind, object_name) with (security_invoker = true) as
select
  r.role_name,
  p.privilege,
  m.object_kind,
  o.object_name
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
    ),
    -- Bars and their loads are read by everybody who works with them, and written by functions of the owner alone.
    (
      array['stage1_app', 'stage1_ingest', 'stage1_readonly'],
      array['select'],
      'table',
      array[
        'public.market_bars_ohlcv_1m', 'public.market_bar_symbols', 'public.bar_stats',
        'public.data_ingest_runs', 'public.data_ingest_symbols', 'public.data_ingest_rejects'
      ]
    ),
    (
      array['stage1_app', 'stage1_ingest', 'stage1_readonly'],
      array['execute'],
      'function',
      array[
        'public.fn_bars', 'public.fn_latest_bars', 'public.fn_bar_stats', 'public.fn_list_bar_stats',
        'public.fn_list_ingests', 'public.fn_show_ingest', 'public.fn_ingest_symbols', 'public.fn_ingest_rejects',
        'public.fn_ingest_bars', 'public.check_page'
      ]
    ),
    (
      array['stage1_ingest', 'stage1_replay'],
      array['usage'],
      'schema',
      array['stage1_internal']
    ),
    -- The ledger of the replay is written by functions of the owner alone. A function of public that stage1_replay may execute
    -- may be called by a spool, too: these are not.
    (
      array['stage1_replay'],
      array['execute'],
      'function',
      array[
        'stage1_internal.begin_replay', 'stage1_internal.finish_replay', 'stage1_internal.replay_rules',
        'stage1_internal.open_spool', 'stage1_internal.find_spool', 'stage1_internal.close_spool',
        'stage1_internal.spool_statements', 'stage1_internal.record_applied', 'stage1_internal.record_unapplied',
        'stage1_internal.waiting_statements', 'stage1_internal.retry_letters'
      ]
    ),
    (
      array['stage1_readonly'],
      array['execute'],
      'function',
      array['public.fn_replay_status', 'public.fn_list_replay_letters', 'public.fn_list_replay_spools']
    ),
    (
      array['stage1_readonly'],
      array['select'],
      'table',
      array[
        'stage1_internal.replay_runs', 'stage1_internal.replay_spools', 'stage1_internal.replay_statements',
        'public.dead_letters_waiting', 'public.statements_waiting', 'public.spools_left_open',
        'public.replay_overdue', 'public.replays_stopped'
      ]
    ),
    (
      array['stage1_readonly'],
      array['select'],
      'table',
      array['stage1_internal.backup_records', 'public.backup_overdue']
    ),
    (
      array['stage1_ingest'],
      array['execute'],
      'function',
      array[
        'stage1_internal.repeat_ingest', 'stage1_internal.begin_ingest', 'stage1_internal.fail_ingest',
        'stage1_internal.ensure_bar_partitions', 'stage1_internal.open_bar_load', 'stage1_internal.merge_staged_bars',
        'stage1_internal.finish_bar_load', 'public.undo_ingest'
      ]
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
        'stage1_internal.role_matrix', 'stage1_internal.role_gaps'
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
        'public.fn_list_validations'
      ]
    )
) as m (role_names, privileges, object_kind, object_names)
cross join lateral unnest(m.role_names) as r (role_name)
cross join lateral unnest(m.privileges) as p (privilege)
cross join lateral unnest(m.object_names) as o (object_name);

comment on view stage1_internal.role_matrix is
  'Who may do what: each role, privilege and object.';
