-- The statements of a spool that the ledger knows: what became of each, and the sha256 that proves it is still the same.
-- Security definer: the replay's role reads the ledger through these functions alone.
create or replace function stage1_internal.spool_statements(
  p_spool_id bigint
)
  returns table (
    at_byte bigint,
    sha256 bytea,
    status text
  )
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
  select l.position, l.sha256, l.status from stage1_internal.replay_statements as l where l.spool_id = p_spool_id;
$function$;

comment on function stage1_internal.spool_statements(bigint) is
'The statements of a spool that the ledger knows, and what became of each.';
