-- Lets dead letters be tried once more by the next run: all of them, those of a spool, or one; but none that is final. A letter
-- that belongs to a transaction takes the rest of it along. Returns how many statements wait now.
-- Locks: the rows of the letters.
-- Security definer: the ledger is written by these functions alone.
-- Raises: S1R04 letter not found.
create or replace function stage1_internal.retry_letters(
  p_identity text default null,
  p_position bigint default null
)
  returns bigint
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_count bigint;
begin
  with chosen as (
    select distinct l.spool_id, l.unit
    from stage1_internal.replay_statements as l
    inner join stage1_internal.replay_spools as s on s.id = l.spool_id
    where l.status = 'dead' and (p_identity is null or s.identity = p_identity) and (p_position is null or l.position = p_position)
      and not exists (
        select 1
        from stage1_internal.replay_statements as f
        where f.spool_id = l.spool_id and f.unit = l.unit and (f.is_final or f.status = 'discarded')
      )
  )
  update stage1_internal.replay_statements as l
  set status = 'waiting', first_tried_at = clock_timestamp()
  from chosen as c
  where l.spool_id = c.spool_id and l.unit = c.unit and l.status = 'dead';
  get diagnostics v_count = row_count;
  if v_count = 0 and p_identity is not null then
    raise exception using errcode = 'S1R04',
      message = format('There is no dead letter of spool %s%s that can be tried again.', p_identity, ' at byte ' || p_position),
      hint = '`stage1 replay status` lists them; one that is not whole is final: write what it meant into a file of its own.';
  end if;
  return v_count;
end;
$function$;

comment on function stage1_internal.retry_letters(text, bigint) is
'Lets dead letters be tried once more by the next run; returns how many.';
