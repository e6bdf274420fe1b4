-- Removes from the ledger the applied statements of spools that were done before a moment: the spool's own row says that all
-- of it was replayed. Waiting, dead and discarded ones stay. Returns how many were removed.
-- Locks: the rows that are removed.
create or replace function stage1_internal.compact_replay_ledger(
  p_before timestamptz
)
  returns bigint
  language plpgsql
  set search_path = ''
as $function$
declare
  v_count bigint;
begin
  delete from stage1_internal.replay_statements as l
  using stage1_internal.replay_spools as s
  inner join stage1_internal.replay_runs as r on r.id = s.last_run_id
  where s.id = l.spool_id and s.is_done and r.started_at < p_before and l.status = 'applied' and l.position < s.position;
  get diagnostics v_count = row_count;
  return v_count;
end;
$function$;

comment on function stage1_internal.compact_replay_ledger(timestamptz) is
'Removes the applied statements of spools that were done before a moment from the ledger.';
