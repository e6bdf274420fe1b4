-- Refuses to delete an ingest that still owns bars, or to change its id: no bar without its ingest.
--
-- The bars are looked for by the primary key, within the spans that data_ingest_symbols keeps, so that a load pays
-- nothing for the guarantee.
--
-- Locks: share row exclusive on data_ingest_runs. Duration: milliseconds.
-- Raises (the trigger): S1I08 ingest has bars.
-- depends: 0007_create_market_bars

create function stage1_internal.keep_ingest_with_bars_v1()
  returns trigger
  language plpgsql
  set search_path = ''
  set plan_cache_mode = force_custom_plan
as $function$
declare
  v_span record;
begin
  if tg_op = 'TRUNCATE' then
    if exists (select 1 from public.market_bars_ohlcv_1m) then
      raise exception using errcode = 'S1I08',
        message = 'data_ingest_runs cannot be emptied: there are bars, and each of them names its ingest.',
        hint = 'Undo the ingests first: select public.undo_ingest(id), or `stage1 ingests undo ID`.';
    end if;
    return null;
  end if;
  if tg_op = 'UPDATE' and new.id = old.id then
    return new;
  end if;
  for v_span in
    select s.symbol, s.first_ts, s.last_ts
    from public.data_ingest_symbols as s
    where s.ingest_id = old.id and s.inserted_count + s.changed_count > 0
    order by s.symbol
  loop
    if exists (
      select 1 from public.market_bars_ohlcv_1m as b
      where b.symbol = v_span.symbol and b.ts between v_span.first_ts and v_span.last_ts and b.ingestion_run_id = old.id
    ) then
      raise exception using errcode = 'S1I08',
        message = format('Ingest %s (%s) has bars of %s; it can be neither deleted nor renumbered.', old.id, old.file_name, v_span.symbol),
        hint = format('Undo it first: select public.undo_ingest(%s), or `stage1 ingests undo %s`.', old.id, old.id);
    end if;
  end loop;
  if tg_op = 'UPDATE' then
    return new;
  end if;
  return old;
end;
$function$;

comment on function stage1_internal.keep_ingest_with_bars_v1() is
'Trigger: an ingest that owns bars can be neither deleted nor renumbered.';

revoke execute on function stage1_internal.keep_ingest_with_bars_v1() from public;

create trigger data_ingest_runs_keep_with_bars
before delete or update of id on public.data_ingest_runs
for each row execute function stage1_internal.keep_ingest_with_bars_v1();

create trigger data_ingest_runs_keep_all_with_bars
before truncate on public.data_ingest_runs
for each statement execute function stage1_internal.keep_ingest_with_bars_v1();
