-- Who may do what of the bars and their loads. A part of role_matrix, whose header says what it is.
create or replace view stage1_internal.role_matrix_of_bars (role_names, privileges, object_kind, object_names)
  with (security_invoker = true) as
select
  m.role_names,
  m.privileges,
  m.object_kind,
  m.object_names
from (
  values
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
        'public.fn_list_bar_stats_after', 'public.fn_list_ingests', 'public.fn_list_ingests_after', 'public.fn_show_ingest',
        'public.fn_ingest_symbols', 'public.fn_ingest_rejects',
        'public.fn_ingest_bars', 'public.check_page'
      ]
    ),
    (
      array['stage1_ingest', 'stage1_replay'],
      array['usage'],
      'schema',
      array['stage1_internal']
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
    )
) as m (role_names, privileges, object_kind, object_names);

comment on view stage1_internal.role_matrix_of_bars is
'The part of the role matrix that decides about bars and of their loads.';
