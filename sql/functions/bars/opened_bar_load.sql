-- The symbols that the load of this transaction holds; refuses where open_bar_load did not open this ingest in it.
-- Security definer: the loading functions call it with the owner's rights, and their owner alone can have made the staging
-- tables that count.
-- Raises: S1I09 ingest state.
create or replace function stage1_internal.opened_bar_load(
  p_ingest_id bigint
)
  returns text[]
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_tables integer;
  v_ingest_id bigint;
  v_symbols text[];
begin
  select count(*) into v_tables
  from pg_catalog.pg_class as c
  where c.relnamespace = pg_my_temp_schema() and c.relkind = 'r'
    and c.relname in ('opened_load', 'staged_bars', 'staged_symbols', 'staged_rejects')
    and pg_get_userbyid(c.relowner) = current_user;
  if v_tables = 4 then
    select o.ingest_id, o.symbols into v_ingest_id, v_symbols from pg_temp.opened_load as o;
  end if;
  if v_ingest_id is null or v_ingest_id is distinct from p_ingest_id then
    raise exception using errcode = 'S1I09',
      message = format('Ingest %s is not open in this transaction; %s.', coalesce(p_ingest_id::text, 'null'),
        case when v_ingest_id is null then 'no ingest is' else format('ingest %s is', v_ingest_id) end),
      hint = 'Call stage1_internal.open_bar_load(ingest, symbols, false) first, in the same transaction.';
  end if;
  return v_symbols;
end;
$function$;

comment on function stage1_internal.opened_bar_load(bigint) is
'The symbols that the load of this transaction holds; refuses where the ingest is not open in it.';
