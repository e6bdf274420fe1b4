-- Ends the load that is open in this transaction: keeps its rejects, writes what it did to each symbol, brings the summary
-- up to date, and marks the ingest as a success. Its commit makes bars, summary and audit row visible together.
-- A symbol whose bars did not change, nor where they come from, keeps its version and its updated_at.
-- Locks: none but those of open_bar_load. Writes data_ingest_runs, _symbols, _rejects and market_bar_symbols.
-- Security definer: nobody but the owner writes the audit trail and the summary.
-- Raises: S1I05 count mismatch, S1I09 ingest state.
-- depends: opened_bar_load
create or replace function stage1_internal.finish_bar_load(
  p_ingest_id bigint,
  p_rejected_count bigint default 0,
  p_details jsonb default '{}'
)
  returns setof public.data_ingest_runs
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
declare
  v_opened constant text[] := stage1_internal.opened_bar_load(p_ingest_id);
  v_rejected bigint;
begin
  if exists (select 1 from pg_temp.staged_bars) then
    raise exception using errcode = 'S1I09',
      message = format('Ingest %s has staged bars that were not merged.', p_ingest_id),
      hint = 'Call stage1_internal.merge_staged_bars after each chunk, the last one too.';
  end if;
  insert into public.data_ingest_rejects (ingest_id, position, reason, symbol, ts, record)
  select p_ingest_id, t.position, t.reason, t.symbol, t.ts, t.record from pg_temp.staged_rejects as t;
  get diagnostics v_rejected = row_count;
  if v_rejected is distinct from p_rejected_count then
    raise exception using errcode = 'S1I05',
      message = format('Ingest %s staged %s rejected records; %s were announced.', p_ingest_id, v_rejected,
        coalesce(p_rejected_count::text, 'null')),
      hint = 'Stage every rejected record in pg_temp.staged_rejects, once, before the load is finished.';
  end if;

  -- A symbol that comes back after all of its bars were undone goes on with its versions, since old loads remember them.
  update public.market_bar_symbols as s
  set version = coalesce(
      (select max(greatest(i.version, i.undone_version)) from public.data_ingest_symbols as i where i.symbol = s.symbol), 0)
  where s.symbol = any (v_opened) and s.version = 0;

  with totals as (
    select
      g.symbol, sum(g.staged) as staged, sum(g.updated) as updated, sum(g.changed) as changed,
      to_timestamp(min(g.first_minute)::double precision * 60) as first_ts,
      to_timestamp(max(g.last_minute)::double precision * 60) as last_ts
    from pg_temp.staged_symbols as g
    group by g.symbol
  )
  insert into public.data_ingest_symbols (
    ingest_id, symbol, row_count, inserted_count, updated_count, changed_count, first_ts, last_ts, version, replaced_origin
  )
  select
    p_ingest_id, t.symbol, t.staged, t.staged - t.updated, t.updated, t.changed, t.first_ts, t.last_ts,
    s.version + (t.staged - t.updated + t.changed > 0 or o.is_other)::integer, o.is_other
  from totals as t
  inner join public.market_bar_symbols as s on s.symbol = t.symbol
  inner join public.data_ingest_runs as r on r.id = p_ingest_id
  cross join lateral (select (s.vendor, s.dataset, s.origin) is distinct from (r.vendor, r.dataset, r.origin)) as o (is_other);

  update public.market_bar_symbols as s
  set vendor = r.vendor,
    dataset = r.dataset,
    origin = r.origin,
    bar_count = s.bar_count + i.inserted_count,
    first_ts = least(s.first_ts, i.first_ts),
    last_ts = greatest(s.last_ts, i.last_ts),
    latest_close = (
      select b.close from public.market_bars_ohlcv_1m as b
      where b.symbol = s.symbol and b.ts = greatest(s.last_ts, i.last_ts)
    ),
    version = i.version,
    updated_at = clock_timestamp()
  from public.data_ingest_symbols as i
  inner join public.data_ingest_runs as r on r.id = i.ingest_id
  where i.ingest_id = p_ingest_id and s.symbol = i.symbol and (i.inserted_count + i.changed_count > 0 or i.replaced_origin);

  -- Symbols that were named and had no bar.
  delete from public.market_bar_symbols as s where s.symbol = any (v_opened) and s.bar_count = 0;

  return query
  update public.data_ingest_runs as r
  set status = 'success',
    finished_at = clock_timestamp(),
    row_count = t.row_count + v_rejected,
    inserted_count = t.inserted_count,
    updated_count = t.updated_count,
    changed_count = t.changed_count,
    rejected_count = v_rejected,
    min_ts = t.first_ts,
    max_ts = t.last_ts,
    details = r.details || coalesce(p_details, '{}')
  from (
    select
      coalesce(sum(i.row_count), 0)::bigint as row_count, coalesce(sum(i.inserted_count), 0)::bigint as inserted_count,
      coalesce(sum(i.updated_count), 0)::bigint as updated_count, coalesce(sum(i.changed_count), 0)::bigint as changed_count,
      min(i.first_ts) as first_ts, max(i.last_ts) as last_ts
    from public.data_ingest_symbols as i
    where i.ingest_id = p_ingest_id
  ) as t
  where r.id = p_ingest_id
  returning r.*;

  drop table pg_temp.opened_load, pg_temp.staged_bars, pg_temp.staged_symbols, pg_temp.staged_rejects;
end;
$function$;

comment on function stage1_internal.finish_bar_load(bigint, bigint, jsonb) is
'Ends the load that is open in this transaction: summary, lineage and audit row; returns the audit row.';
