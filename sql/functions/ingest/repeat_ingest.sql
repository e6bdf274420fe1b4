-- Records that a file was brought again whose bars nobody touched since: an audit row, and nothing is loaded.
-- Empty where this does not hold: the newest success of this sha256 with equal options must be of the whole file and not
-- undone, its symbols must still be of its dataset and origin, and no later load or undo that changed bars may overlap it.
-- The row says what the first load found out of the file, p_details added; its rejects stay with the first load.
-- Locks: the symbols' rows of market_bar_symbols in order, as a load does, to the end of the transaction; so what is read
-- after them stays true.
-- Security definer: nobody but the owner writes the audit trail.
-- Raises: S1A01 argument missing.
create or replace function stage1_internal.repeat_ingest(
  p_vendor text,
  p_file_name text,
  p_file_sha256 text,
  p_file_bytes bigint,
  p_options jsonb default '{}',
  p_details jsonb default '{}'
)
  returns setof public.data_ingest_runs
  language plpgsql
  security definer
  rows 1
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_first public.data_ingest_runs;
  v_again public.data_ingest_runs;
  v_missing text := case
    when p_vendor is null then 'p_vendor'
    when coalesce(p_file_name, '') = '' then 'p_file_name'
    when p_file_sha256 is null then 'p_file_sha256'
  end;
begin
  if v_missing is not null then
    raise exception using errcode = 'S1A01',
      message = format('%s was null or empty; it is required.', v_missing),
      hint = 'Pass the vendor, the name of the file and the sha256 of its bytes.';
  end if;
  select r.* into v_first
  from public.data_ingest_runs as r
  where r.file_sha256 = p_file_sha256 and r.status = 'success' and r.vendor = p_vendor and r.options = coalesce(p_options, '{}')
  order by r.id desc
  limit 1;
  if not found or not v_first.whole then
    return;
  end if;
  perform 1
  from public.market_bar_symbols as s
  where s.symbol in (select i.symbol from public.data_ingest_symbols as i where i.ingest_id = v_first.id)
  order by s.symbol
  for update;

  if exists (select 1 from public.data_ingest_runs as r where r.id = v_first.id and r.undone_at is not null)
    or exists (
      select 1
      from public.data_ingest_symbols as i
      left join public.market_bar_symbols as s on s.symbol = i.symbol
      where i.ingest_id = v_first.id
        and (s.vendor, s.dataset, s.origin) is distinct from (v_first.vendor, v_first.dataset, v_first.origin)
    )
    or exists (
      select 1
      from public.data_ingest_symbols as i
      inner join public.data_ingest_symbols as o on o.symbol = i.symbol and o.first_ts <= i.last_ts and o.last_ts >= i.first_ts
      where i.ingest_id = v_first.id and o.ingest_id <> i.ingest_id
        and (o.undone_version > i.version or (o.version > i.version and o.inserted_count + o.changed_count > 0))
    )
  then
    return;
  end if;

  insert into public.data_ingest_runs (
    vendor, dataset, origin, file_name, file_sha256, file_bytes, options, whole, warnings, details, backend_pid,
    status, finished_at, row_count, updated_count, rejected_count, min_ts, max_ts, repeats_ingest_id
  ) values (
    v_first.vendor, v_first.dataset, v_first.origin, p_file_name, p_file_sha256, p_file_bytes, v_first.options, true,
    v_first.warnings, v_first.details || coalesce(p_details, '{}'), pg_backend_pid(),
    'success', clock_timestamp(), v_first.row_count, v_first.row_count - v_first.rejected_count, v_first.rejected_count,
    v_first.min_ts, v_first.max_ts, coalesce(v_first.repeats_ingest_id, v_first.id)
  ) returning * into v_again;
  insert into public.data_ingest_symbols (
    ingest_id, symbol, row_count, inserted_count, updated_count, changed_count, first_ts, last_ts, version
  )
  select v_again.id, i.symbol, i.row_count, 0, i.row_count, 0, i.first_ts, i.last_ts, s.version
  from public.data_ingest_symbols as i
  inner join public.market_bar_symbols as s on s.symbol = i.symbol
  where i.ingest_id = v_first.id;
  return next v_again;
end;
$function$;

comment on function stage1_internal.repeat_ingest(text, text, text, bigint, jsonb, jsonb) is
'Records that an unchanged file was brought again and its bars are as it left them; no row where it has to be loaded.';
