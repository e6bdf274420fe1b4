-- Closes a run of the replay: done, or stopped with its error; with what was counted.
-- Locks: the row of the run.
-- Security definer: the ledger is written by these functions alone.
-- Raises: S1A02 argument invalid.
create or replace function stage1_internal.finish_replay(
  p_run_id bigint,
  p_applied bigint,
  p_known bigint,
  p_waiting bigint,
  p_dead bigint,
  p_error text default null
)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
begin
  update stage1_internal.replay_runs as r
  set outcome = case when p_error is null then 'done' else 'stopped' end,
    finished_at = clock_timestamp(),
    applied_count = p_applied,
    known_count = p_known,
    waiting_count = p_waiting,
    dead_count = p_dead,
    error = p_error
  where r.id = p_run_id and r.outcome = 'running';
  if not found then
    raise exception using errcode = 'S1A02',
      message = format('p_run_id was %s; there is no replay of that id that runs.', coalesce(p_run_id::text, 'null')),
      hint = 'begin_replay() opens one.';
  end if;
end;
$function$;

comment on function stage1_internal.finish_replay(bigint, bigint, bigint, bigint, bigint, text) is
'Closes a run of the replay: done, or stopped with its error.';
