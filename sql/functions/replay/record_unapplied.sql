-- Writes into the ledger that statements were not applied, with their text and the reason: they wait for another run, or are dead
-- letters. A final one is never tried again. What has waited longer than p_patience is a dead letter from now on. Returns what
-- became of them.
-- Locks: the rows of the statements and of the spool.
-- Security definer: the ledger is written by these functions alone.
-- Raises: S1R05 already replayed.
create or replace function stage1_internal.record_unapplied(
  p_run_id bigint,
  p_spool_id bigint,
  p_status text,
  p_positions bigint[],
  p_sha256s bytea[],
  p_units bigint[],
  p_sqlstates text[],
  p_reasons text[],
  p_statements text[],
  p_is_final boolean default false,
  p_patience interval default '7 days',
  p_replayed_to bigint default 0
)
  returns text
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_status text := p_status;
  v_since  timestamptz;
  v_count  bigint;
begin
  select min(l.first_tried_at) into v_since
  from stage1_internal.replay_statements as l
  where l.spool_id = p_spool_id and l.position = any (p_positions) and l.status = 'waiting';
  if p_status = 'waiting' and v_since < clock_timestamp() - p_patience then
    v_status := 'dead';
  end if;
  insert into stage1_internal.replay_statements as l (
    spool_id, position, sha256, unit, run_id, status, is_final, sqlstate, reason, statement
  )
  select
    p_spool_id, n.position, n.sha256, n.unit, p_run_id, v_status, p_is_final, n.sqlstate,
    n.reason || case when v_status <> p_status then format(' (it has waited since %s)', v_since) else '' end, n.statement
  from unnest(p_positions, p_sha256s, p_units, p_sqlstates, p_reasons, p_statements)
    as n (position, sha256, unit, sqlstate, reason, statement)
  on conflict (spool_id, position) do update
  set status = excluded.status,
    attempts = l.attempts + case when l.run_id = excluded.run_id then 0 else 1 end,
    run_id = excluded.run_id,
    sqlstate = excluded.sqlstate,
    reason = excluded.reason
  where l.status = 'waiting' and l.sha256 = excluded.sha256;
  get diagnostics v_count = row_count;
  if v_count < cardinality(p_positions) then
    raise exception using errcode = 'S1R05',
      message = format('Statements from byte %s on are in the ledger already.', p_positions[1]),
      hint = 'Nothing was done twice. Run `stage1 replay run` again: it goes on with what is left.';
  end if;
  update stage1_internal.replay_spools as s
  set position = p_replayed_to
  where s.id = p_spool_id and s.position < p_replayed_to;
  return v_status;
end;
$function$;

comment on function stage1_internal.record_unapplied(
  bigint, bigint, text, bigint[], bytea[], bigint[], text[], text[], text[], boolean, interval, bigint
) is
'Writes into the ledger that statements wait or are dead letters, with their text and the reason.';
