-- Marks a spool file as replayed to its end; an append file may still grow, and is then opened again.
-- Locks: the row of the spool.
-- Security definer: the ledger is written by these functions alone.
create or replace function stage1_internal.close_spool(
  p_spool_id bigint,
  p_replayed_to bigint
)
  returns void
  language sql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
  update stage1_internal.replay_spools as s
  set position = greatest(s.position, p_replayed_to), is_done = true
  where s.id = p_spool_id;
$function$;

comment on function stage1_internal.close_spool(bigint, bigint) is
'Marks a spool file as replayed to its end.';
