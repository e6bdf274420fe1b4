-- Who may do what of the replay. A part of role_matrix, whose header says what it is.
create or replace view stage1_internal.role_matrix_of_replay (role_names, privileges, object_kind, object_names)
  with (security_invoker = true) as
select
  m.role_names,
  m.privileges,
  m.object_kind,
  m.object_names
from (
  values
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
    )
) as m (role_names, privileges, object_kind, object_names);

comment on view stage1_internal.role_matrix_of_replay is
'The part of the role matrix that decides about the replay.';
