-- How far a spool file was replayed, for those who only look; no row for one that the ledger does not know.
-- Security definer: the replay's role reads the ledger through these functions alone.
create or replace function stage1_internal.find_spool(
  p_identity text
)
  returns table (
    spool_id bigint,
    replayed_to bigint,
    is_done boolean
  )
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
  select s.id, s.position, s.is_done from stage1_internal.replay_spools as s where s.identity = p_identity;
$function$;

comment on function stage1_internal.find_spool(text) is
'How far a spool file was replayed; no row for one that the ledger does not know.';
