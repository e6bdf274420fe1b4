-- Writes into the ledger that statements are applied, in the transaction that applies them and before they are executed: another
-- runner that is at the same statements waits here, and is then refused with S1R05.
-- A statement that waited becomes applied; one that is applied, dead or discarded already cannot.
-- Locks: the rows of the statements and of the spool.
-- Security definer: the ledger is written by these functions alone.
-- Raises: S1R02 spool edited, S1R05 already replayed.
create or replace function stage1_internal.record_applied(
  p_run_id bigint,
  p_spool_id bigint,
  p_positions bigint[],
  p_sha256s bytea[],
  p_units bigint[],
  p_replayed_to bigint default 0
)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_known stage1_internal.replay_statements;
  v_count bigint;
begin
  insert into stage1_internal.replay_statements as l (spool_id, position, sha256, unit, run_id, status)
  select p_spool_id, n.position, n.sha256, n.unit, p_run_id, 'applied'
  from unnest(p_positions, p_sha256s, p_units) as n (position, sha256, unit)
  on conflict (spool_id, position) do update
  set status = 'applied', run_id = excluded.run_id, attempts = l.attempts + 1, sqlstate = null, reason = null, statement = null
  where l.status = 'waiting' and l.sha256 = excluded.sha256;
  get diagnostics v_count = row_count;
  if v_count < cardinality(p_positions) then
    select l.* into v_known
    from unnest(p_positions, p_sha256s) as n (position, sha256)
    inner join stage1_internal.replay_statements as l on l.spool_id = p_spool_id and l.position = n.position
    where l.sha256 <> n.sha256
    order by l.position
    limit 1;
    if found then
      raise exception using errcode = 'S1R02',
        message = format('The statement at byte %s is not the one that was replayed there in run %s.', v_known.position, v_known.run_id),
        hint = 'A spool file is never edited after it was claimed. Put its claimed text back, or submit what is new in a file of its own.';
    end if;
    raise exception using errcode = 'S1R05',
      message = format('%s statements from byte %s on are in the ledger already.', cardinality(p_positions) - v_count, p_positions[1]),
      hint = 'Nothing was done twice. Run `stage1 replay run` again: it goes on with what is left.';
  end if;
  update stage1_internal.replay_spools as s
  set position = p_replayed_to
  where s.id = p_spool_id and s.position < p_replayed_to;
end;
$function$;

comment on function stage1_internal.record_applied(bigint, bigint, bigint[], bytea[], bigint[], bigint) is
'Writes into the ledger that statements are applied, in the transaction that applies them.';
