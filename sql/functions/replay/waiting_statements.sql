-- A page of the statements that wait, in the order in which they were written; units whole, p_limit of them, and no more than
-- about 32 MB.
-- Security definer: the replay's role reads the ledger through these functions alone.
create or replace function stage1_internal.waiting_statements(
  p_after_spool bigint default 0,
  p_after_unit bigint default -1,
  p_limit integer default 500
)
  returns table (
    spool_id bigint,
    identity text,
    at_byte bigint,
    unit bigint,
    sha256 bytea,
    statement text
  )
  language plpgsql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan
as $function$
begin
  return query
  with units as (
    select l.spool_id, l.unit, sum(length(l.statement)) as letters
    from stage1_internal.replay_statements as l
    where l.status = 'waiting'
      and (l.spool_id > p_after_spool or (l.spool_id = p_after_spool and l.unit > p_after_unit))
    group by l.spool_id, l.unit
    order by l.spool_id, l.unit
    limit p_limit
  ), summed as (
    select u.spool_id, u.unit, sum(u.letters) over (order by u.spool_id, u.unit) - u.letters as letters_before
    from units as u
  )
  select l.spool_id, s.identity, l.position, l.unit, l.sha256, l.statement
  from summed as u
  inner join stage1_internal.replay_spools as s on s.id = u.spool_id
  inner join stage1_internal.replay_statements as l
    on l.spool_id = u.spool_id and l.unit = u.unit and l.status = 'waiting'
  where u.letters_before < 32000000
  order by l.spool_id, l.unit, l.position;
end;
$function$;

comment on function stage1_internal.waiting_statements(bigint, bigint, integer) is
'A page of the statements that wait for another run, in the order in which they were written.';
