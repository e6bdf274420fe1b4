-- Finds the ledger of a spool file that has something to replay, or opens one, and says how far it was replayed.
-- Locks: the row of the spool.
-- Security definer: the ledger is written by these functions alone.
-- Raises: nothing.
create or replace function stage1_internal.open_spool(
  p_run_id bigint,
  p_identity text,
  p_name text
)
  returns table (
    spool_id bigint,
    replayed_to bigint
  )
  language sql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
  insert into stage1_internal.replay_spools as s (identity, name, first_run_id, last_run_id)
  values (p_identity, p_name, p_run_id, p_run_id)
  on conflict (identity) do update set name = excluded.name, last_run_id = excluded.last_run_id, is_done = false
  returning s.id, s.position;
$function$;

comment on function stage1_internal.open_spool(bigint, text, text) is
'Finds the ledger of a spool file, or opens one, and says how far it was replayed.';
