-- Opens the load of an ingest in this transaction: takes its row and those of its symbols, and makes the staging tables.
-- COPY then fills pg_temp.staged_bars (and staged_rejects), merge_staged_bars moves each chunk, finish_bar_load ends it.
-- A row that another loader took over, because this one had not come so far, is running again.
-- Locks: the row of the ingest, then the symbols' rows of market_bar_symbols in order, to the end of the transaction.
-- Security definer: nobody but the owner writes the audit trail, the summary and the staged symbols.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1I06 origin conflict, S1I07 ingest not found,
-- S1I09 ingest state.
create or replace function stage1_internal.open_bar_load(
  p_ingest_id bigint,
  p_symbols text[],
  p_replace_origin boolean default false
)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan
as $function$
declare
  v_run public.data_ingest_runs;
  v_held public.market_bar_symbols;
  v_staging text;
begin
  if p_symbols is null then
    raise exception using errcode = 'S1A01',
      message = 'p_symbols was null; the symbols of the file were expected.',
      hint = 'Pass every symbol that merge_staged_bars will meet.';
  end if;
  if exists (select 1 from unnest(p_symbols) as u (symbol) where coalesce(btrim(u.symbol), '') = '') then
    raise exception using errcode = 'S1A02',
      message = 'p_symbols has an element that is null or empty; each is a symbol.',
      hint = 'Leave out records without a symbol, or name it with --symbol.';
  end if;
  select string_agg(c.relname, ', ') into v_staging
  from pg_catalog.pg_class as c
  where c.relnamespace = pg_my_temp_schema() and c.relname in ('opened_load', 'staged_bars', 'staged_symbols', 'staged_rejects');
  if v_staging is not null then
    raise exception using errcode = 'S1I09',
      message = format('The session has temporary tables already that a load makes: %s.', v_staging),
      hint = 'Commit or roll back the load that is open, or drop them, and open the load again.';
  end if;

  update public.data_ingest_runs as r
  set status = 'running', error = null, finished_at = null, backend_pid = pg_backend_pid(), loaded_at = now()
  where r.id = p_ingest_id and r.status <> 'success' and r.undone_at is null and r.dataset is not null
    and r.file_sha256 is not null
  returning * into v_run;
  if not found then
    select r.* into v_run from public.data_ingest_runs as r where r.id = p_ingest_id;
    if not found then
      raise exception using errcode = 'S1I07',
        message = format('p_ingest_id was %s; there is no ingest of that id.', coalesce(p_ingest_id::text, 'null')),
        hint = 'stage1_internal.begin_ingest makes one.';
    end if;
    raise exception using errcode = 'S1I09',
      message = format('Ingest %s cannot be loaded: it is %s.', v_run.id,
        case
          when v_run.undone_at is not null then 'undone'
          when v_run.status = 'success' then 'loaded already'
          else 'that of a file whose dataset or sha256 is not known'
        end),
      hint = 'Begin a new ingest of the file: stage1_internal.begin_ingest.';
  end if;

  -- `do update .. where false` locks a row that exists and writes nothing; a new one is the lock itself.
  insert into public.market_bar_symbols as s (symbol, vendor, dataset, origin)
  select u.symbol, v_run.vendor, v_run.dataset, v_run.origin
  from (select distinct g.symbol collate "C" as symbol from unnest(p_symbols) as g (symbol)) as u
  order by u.symbol
  on conflict (symbol) do update set version = s.version where false;
  if not coalesce(p_replace_origin, false) then
    select s.* into v_held
    from public.market_bar_symbols as s
    where s.symbol = any (p_symbols) and s.bar_count > 0
      and (s.vendor, s.dataset, s.origin) is distinct from (v_run.vendor, v_run.dataset, v_run.origin)
    order by s.symbol
    limit 1;
    if found then
      raise exception using errcode = 'S1I06',
        message = format('%s holds %s bars of %s %s, %s; %s has bars of %s %s, %s.', v_held.symbol, v_held.bar_count,
          v_held.vendor, v_held.dataset, case v_held.origin when 'derived' then 'derived from trades' else 'made by the vendor' end,
          v_run.file_name, v_run.vendor, v_run.dataset,
          case v_run.origin when 'derived' then 'derived from trades' else 'made by the vendor' end),
        detail = 'Bars of one symbol come from one place, unless it is said that they need not.',
        hint = '--symbol NAME keeps both, these under another name; --replace-origin says that they are meant to replace those.';
    end if;
  end if;

  begin
    create temporary table opened_load (ingest_id bigint not null, symbols text[] not null) on commit drop;
    create temporary table staged_bars (
      symbol text collate "C" not null,
      minute integer not null,
      open numeric not null,
      high numeric not null,
      low numeric not null,
      close numeric not null,
      volume numeric
    ) on commit drop;
    -- Each chunk adds rows here, and nothing is updated: a load of many chunks would leave dead rows behind.
    create temporary table staged_symbols (
      symbol text collate "C" not null,
      staged bigint not null default 0,
      updated bigint not null default 0,
      changed bigint not null default 0,
      first_minute integer,
      last_minute integer
    ) on commit drop;
    create temporary table staged_rejects (
      position bigint not null,
      reason text not null,
      symbol text,
      ts timestamptz,
      record bytea
    ) on commit drop;
  exception
    when insufficient_privilege then
      raise exception using errcode = '42501',
        message = format('%s owns the loading functions and may not make temporary tables in database %I.', current_user, current_database()),
        hint = format('As a superuser: grant temporary on database %I to %I;', current_database(), current_user);
  end;
  insert into pg_temp.opened_load (ingest_id, symbols) values (p_ingest_id, p_symbols);
  -- A temporary table can be reached by its own session alone.
  grant insert on pg_temp.staged_bars, pg_temp.staged_rejects to public;
end;
$function$;

comment on function stage1_internal.open_bar_load(bigint, text[], boolean) is
'Opens the load of an ingest in this transaction: locks its symbols in order and makes the staging tables for COPY.';
