-- Registers a dataset whose bars were derived from the vendor's files, in place of what was known of it; returns its id.
-- The id is the given one, or that of the dataset that holds the slug already: a triplet of a desktop client, for example.
-- A triplet keeps its own measurements, counts and spans; a symbol and a granularity that it lacks are filled in. A
-- placeholder becomes a dataset of bars and takes the slug; its marks go. Called again with the same arguments, nothing is
-- written. p_ingest_id is null while no load brought the bars; p_first_ts and p_last_ts are null where there is no bar.
-- Locks: the ingest's row, so that nobody undoes it meanwhile, then the dataset's row. A session that names the same slug
-- waits for this transaction's end.
-- Security definer: loaders register what they loaded, and may otherwise only read the catalog; nobody writes
-- dataset_manifests but this function.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted, S1C01 slug taken, S1I07 ingest not found,
-- S1I09 ingest state.
-- depends: check_dataset_manifest
create or replace function public.upsert_dataset_manifest(
  p_dataset_id uuid,
  p_dataset_slug text,
  p_symbol text,
  p_from_date date,
  p_to_date date,
  p_products jsonb,
  p_calendar_version text,
  p_tz text,
  p_raw_dbn jsonb,
  p_bars_parquet jsonb,
  p_bars_manifest_path text,
  p_bars_manifest_sha256 text,
  p_generated_at timestamptz,
  p_size_bytes bigint,
  p_status text,
  p_vendor_dataset text,
  p_bar_count bigint,
  p_first_ts timestamptz,
  p_last_ts timestamptz,
  p_ingest_id bigint
)
  returns uuid
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_given public.dataset_manifests;
  v_dataset public.stage1_datasets;
  v_load public.data_ingest_runs;
begin
  if p_dataset_id is null or btrim(coalesce(p_dataset_slug, '')) = '' then
    raise exception using errcode = 'S1A01',
      message = format('%s was null or empty; it is required.',
        case when p_dataset_id is null then 'p_dataset_id' else 'p_dataset_slug' end),
      hint = 'Pass the dataset''s id and its slug, such as AAPL-2023-1m.';
  end if;
  if octet_length(p_dataset_slug) > 255 then
    raise exception using errcode = 'S1A02',
      message = format('p_dataset_slug was %s bytes long; at most 255 are kept.', octet_length(p_dataset_slug)),
      hint = 'Pass a shorter one.';
  end if;
  v_given.dataset_id := p_dataset_id;
  v_given.symbol := p_symbol;
  v_given.from_date := p_from_date;
  v_given.to_date := p_to_date;
  v_given.products := p_products;
  v_given.calendar_version := p_calendar_version;
  v_given.tz := p_tz;
  v_given.raw_dbn := p_raw_dbn;
  v_given.bars_parquet := p_bars_parquet;
  v_given.bars_manifest_path := p_bars_manifest_path;
  v_given.bars_manifest_sha256 := p_bars_manifest_sha256;
  v_given.generated_at := p_generated_at;
  v_given.size_bytes := p_size_bytes;
  v_given.status := p_status;
  v_given.vendor_dataset := p_vendor_dataset;
  v_given.ingest_id := p_ingest_id;
  v_given.bar_count := p_bar_count;
  v_given.first_ts := p_first_ts;
  v_given.last_ts := p_last_ts;
  v_given.created_at := now();
  v_given.updated_at := now();
  perform stage1_internal.check_dataset_manifest(v_given);

  if p_ingest_id is not null then
    select r.* into v_load from public.data_ingest_runs as r where r.id = p_ingest_id for share;
    if not found then
      raise exception using errcode = 'S1I07',
        message = format('p_ingest_id was %s; there is no ingest of that id.', p_ingest_id),
        hint = 'select id, file_name, status from public.fn_list_ingests() lists them.';
    end if;
    if v_load.status <> 'success' or v_load.undone_at is not null
      or exists (select 1 from public.data_ingest_runs as f where f.id = v_load.repeats_ingest_id and f.undone_at is not null)
    then
      raise exception using errcode = 'S1I09',
        message = format('p_ingest_id was %s, whose bars are not there: the ingest %s.', p_ingest_id, case v_load.status
          when 'success' then 'was undone' when 'failed' then 'failed' else 'is not finished' end),
        hint = 'Load the bars again, and pass the id of that ingest.';
    end if;
  end if;

  -- Read, else insert: whoever comes second finds the row of the first here, after its transaction's end.
  for v_attempt in 1 .. 10 loop
    select d.* into v_dataset from public.stage1_datasets as d where d.dataset_id = p_dataset_id for no key update;
    if found and v_dataset.dataset_slug <> p_dataset_slug then
      if not v_dataset.metadata ? 'placeholder' then
        raise exception using errcode = 'S1C01',
          message = format('p_dataset_id was %s, which is the dataset %L, not %L.', p_dataset_id, v_dataset.dataset_slug, p_dataset_slug),
          hint = 'Choose another id, or give that dataset its slug again with upsert_stage1_dataset.';
      end if;
      v_dataset := null;
    end if;
    if v_dataset.dataset_id is null then
      select d.* into v_dataset from public.stage1_datasets as d where d.dataset_slug = p_dataset_slug for no key update;
    end if;
    if v_dataset.dataset_id is null then
      -- A placeholder's slug was made of its id, and nobody chose it.
      begin
        update public.stage1_datasets as d
        set dataset_slug = p_dataset_slug
        where d.dataset_id = p_dataset_id and d.metadata ? 'placeholder'
        returning d.* into v_dataset;
      exception
        when unique_violation then
          v_dataset := null;
          continue;
      end;
    end if;
    if v_dataset.dataset_id is null then
      insert into public.stage1_datasets (
        dataset_id, dataset_slug, symbol, granularity, source, ohlcv_measurement, indicator_measurement,
        ohlcv_row_count, ohlcv_first_ts, ohlcv_last_ts, kind
      ) values (
        p_dataset_id, p_dataset_slug, p_symbol, '1m', 'stage1', '', '', p_bar_count, p_first_ts, p_last_ts, 'bars'
      ) on conflict do nothing
      returning * into v_dataset;
    end if;
    exit when v_dataset.dataset_id is not null;
  end loop;
  if v_dataset.dataset_id is null or v_dataset.kind = 'examples' then
    raise exception using errcode = 'S1C01',
      message = format('p_dataset_slug was %L, which %s.', p_dataset_slug, case
        when v_dataset.dataset_id is null then 'other sessions take and give up again and again'
        else format('belongs to dataset %s, a set of examples', v_dataset.dataset_id) end),
      hint = 'Choose another slug, or try again later.';
  end if;

  if v_dataset.metadata ? 'placeholder' and v_dataset.ohlcv_measurement = '' and v_dataset.indicator_measurement = '' then
    v_dataset.kind := 'bars';
  end if;
  update public.stage1_datasets as d
  set kind = n.kind, symbol = n.symbol, granularity = n.granularity, source = n.source, ohlcv_row_count = n.row_count,
    ohlcv_first_ts = n.first_ts, ohlcv_last_ts = n.last_ts, metadata = n.metadata
  from (
    select 'bars', p_symbol, '1m', 'stage1', p_bar_count, p_first_ts, p_last_ts,
      v_dataset.metadata - '{placeholder,placeholder_reason,unknown}'::text[]
    where v_dataset.kind = 'bars'
    union all
    select v_dataset.kind, coalesce(v_dataset.symbol, p_symbol), coalesce(v_dataset.granularity, '1m'), v_dataset.source,
      v_dataset.ohlcv_row_count, v_dataset.ohlcv_first_ts, v_dataset.ohlcv_last_ts,
      v_dataset.metadata - '{placeholder,placeholder_reason}'::text[]
    where v_dataset.kind <> 'bars'
  ) as n (kind, symbol, granularity, source, row_count, first_ts, last_ts, metadata)
  where d.dataset_id = v_dataset.dataset_id
    and (d.kind, d.symbol, d.granularity, d.source, d.ohlcv_row_count, d.ohlcv_first_ts, d.ohlcv_last_ts, d.metadata)
      is distinct from (n.kind, n.symbol, n.granularity, n.source, n.row_count, n.first_ts, n.last_ts, n.metadata);

  v_given.dataset_id := v_dataset.dataset_id;
  insert into public.dataset_manifests as m
  select (v_given).*
  on conflict (dataset_id) do nothing;
  if not found then
    update public.dataset_manifests as m
    set symbol = p_symbol, from_date = p_from_date, to_date = p_to_date, products = p_products,
      calendar_version = p_calendar_version, tz = p_tz, raw_dbn = p_raw_dbn, bars_parquet = p_bars_parquet,
      bars_manifest_path = p_bars_manifest_path, bars_manifest_sha256 = p_bars_manifest_sha256,
      generated_at = p_generated_at, size_bytes = p_size_bytes, status = p_status, vendor_dataset = p_vendor_dataset,
      ingest_id = p_ingest_id, bar_count = p_bar_count, first_ts = p_first_ts, last_ts = p_last_ts, updated_at = now()
    where m.dataset_id = v_dataset.dataset_id
      and to_jsonb(m) - '{created_at,updated_at}'::text[] <> to_jsonb(v_given) - '{created_at,updated_at}'::text[];
  end if;
  return v_dataset.dataset_id;
end;
$function$;

comment on function public.upsert_dataset_manifest(
  uuid, text, text, date, date, jsonb, text, text, jsonb, jsonb, text, text, timestamptz, bigint, text, text, bigint,
  timestamptz, timestamptz, bigint
) is
'Registers a dataset of derived bars, or brings its registration up to date; returns the id of the dataset that holds the slug.';
