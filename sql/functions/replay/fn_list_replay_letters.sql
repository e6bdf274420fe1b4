-- One page of the statements that the replay did not apply: dead letters first, then those that wait; of a long one its
-- beginning, stage1_internal.replay_statements has all of it.
-- Raises: S1A02 argument invalid.
-- depends: check_page
create or replace function public.fn_list_replay_letters(
  p_limit integer default 50,
  p_offset integer default 0
)
  returns table (
    spool text,
    file_name text,
    at_byte bigint,
    status text,
    attempts bigint,
    is_final boolean,
    first_tried_at timestamptz,
    sqlstate text,
    reason text,
    statement text
  )
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
as $function$
begin
  perform public.check_page(p_limit, p_offset);
  return query
  select s.identity, s.name, l.position, l.status, l.attempts, l.is_final, l.first_tried_at, l.sqlstate, l.reason,
    left(l.statement, 2000)
  from stage1_internal.replay_statements as l
  inner join stage1_internal.replay_spools as s on s.id = l.spool_id
  where l.status in ('waiting', 'dead')
  order by l.status, l.spool_id, l.position
  limit p_limit offset p_offset;
end;
$function$;

comment on function public.fn_list_replay_letters(integer, integer) is
'One page of the statements that the replay did not apply: dead letters first, then those that wait.';
