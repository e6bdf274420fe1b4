-- Refuses to delete an ingest that wrote bars, or to change its id: no bar without its ingest.
--
-- Undone ones are kept, too, and those whose bars were all rewritten since: whether a file has to be loaded again, and where
-- the bars of a symbol come from, is told by what every load and undo did. Loads that failed or wrote nothing may go.
-- data_ingest_symbols knows what was written, so a load pays nothing for the guarantee.
--
-- Locks: share row exclusive on data_ingest_runs. Duration: milliseconds.
-- Raises (the trigger): S1I08 ingest has bars.
-- depends: 0007_create_market_bars

create function stage1_internal.keep_ingest_with_bars_v1()
  returns trigger
  language plpgsql
  set search_path = ''
as $function$
declare
  v_symbol text;
begin
  if tg_op = 'TRUNCATE' then
    if exists (select 1 from public.data_ingest_symbols as s where s.inserted_count + s.changed_count > 0 or s.replaced_origin)
      or exists (select 1 from public.market_bars_ohlcv_1m)
    then
      raise exception using errcode = 'S1I08',
        message = 'data_ingest_runs cannot be emptied: ingests in it wrote bars, and such are kept, undone or not.',
        hint = 'To remove the bars, undo the ingests: select public.undo_ingest(id), or `stage1 ingests undo ID`.';
    end if;
    return null;
  end if;
  if tg_op = 'UPDATE' and new.id = old.id then
    return new;
  end if;
  select s.symbol into v_symbol
  from public.data_ingest_symbols as s
  where s.ingest_id = old.id and (s.inserted_count + s.changed_count > 0 or s.replaced_origin)
  order by s.symbol
  limit 1;
  if found then
    raise exception using errcode = 'S1I08',
      message = format('Ingest %s (%s) wrote bars of %s; it can be neither deleted nor renumbered, undone or not.',
        old.id, old.file_name, v_symbol),
      hint = case
        when old.undone_at is null
          then format('To remove its bars, undo it: select public.undo_ingest(%s), or `stage1 ingests undo %s`.', old.id, old.id)
        else 'Its bars are gone already; its row tells later loads what became of them.'
      end;
  end if;
  if tg_op = 'UPDATE' then
    return new;
  end if;
  return old;
end;
$function$;

comment on function stage1_internal.keep_ingest_with_bars_v1() is
'Trigger: an ingest that wrote bars can be neither deleted nor renumbered, undone or not.';

revoke execute on function stage1_internal.keep_ingest_with_bars_v1() from public;

create trigger data_ingest_runs_keep_with_bars
before delete or update of id on public.data_ingest_runs
for each row execute function stage1_internal.keep_ingest_with_bars_v1();

create trigger data_ingest_runs_keep_all_with_bars
before truncate on public.data_ingest_runs
for each statement execute function stage1_internal.keep_ingest_with_bars_v1();
