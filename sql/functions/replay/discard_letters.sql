-- Takes note of all dead letters: they stay in the ledger with their text, and are neither reported nor tried again.
-- Locks: the rows of the letters.
create or replace function stage1_internal.discard_letters()
  returns bigint
  language plpgsql
  set search_path = ''
as $function$
declare
  v_count bigint;
begin
  update stage1_internal.replay_statements as l
  set status = 'discarded'
  where l.status = 'dead';
  get diagnostics v_count = row_count;
  return v_count;
end;
$function$;

comment on function stage1_internal.discard_letters() is
'Takes note of all dead letters: they stay in the ledger, and are neither reported nor tried again.';
