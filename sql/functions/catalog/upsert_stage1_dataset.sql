-- Inserts a dataset triplet, or brings the row of its dataset_id up to date.
-- What a null means: p_source, the column's default; the counts, 0; p_metadata, nothing to add; a timestamp, symbol or
-- granularity, not known. An empty measurement is accepted and means 'not written yet'; a check reports it.
-- Slug, symbol, granularity, source and measurements have at most 255 bytes.
-- Metadata is merged key by key. The marks of a placeholder and of a legacy row go, since the dataset is known now.
-- A row of kind bars becomes a triplet when both measurements are named.
-- Locks: the dataset's row. A session that names the same id or slug waits for this transaction's end.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted, S1C01 slug taken.
-- adopts: stage 1.3
create or replace function public.upsert_stage1_dataset(
  p_dataset_id uuid,
  p_dataset_slug text,
  p_symbol text,
  p_granularity text,
  p_source text,
  p_ohlcv_measurement text,
  p_indicator_measurement text,
  p_ohlcv_rows bigint,
  p_indicator_rows bigint,
  p_ohlcv_first timestamptz,
  p_ohlcv_last timestamptz,
  p_indicator_first timestamptz,
  p_indicator_last timestamptz,
  p_metadata jsonb
)
  returns void
  language plpgsql
  set search_path = ''
as $function$
declare
  v_missing text;
  v_longest constant integer := 255; -- bytes: no table of QuestDB has a longer name, and an index holds it
  v_long text;
  v_holder uuid;
  v_constraint text;
begin
  v_missing := case
    when p_dataset_id is null then 'p_dataset_id'
    when p_dataset_slug is null then 'p_dataset_slug'
    when p_ohlcv_measurement is null then 'p_ohlcv_measurement'
    when p_indicator_measurement is null then 'p_indicator_measurement'
  end;
  if v_missing is not null then
    raise exception using errcode = 'S1A01',
      message = format('%s was null; it is required.', v_missing),
      hint = case when v_missing like '%measurement' then 'Pass an empty string for a measurement that is not written yet.'
        else 'Pass the dataset''s id and its slug.' end;
  end if;
  if btrim(p_dataset_slug) = '' then
    raise exception using errcode = 'S1A01',
      message = 'p_dataset_slug was empty; it is required.',
      hint = 'Pass the dataset''s name, such as AAPL-2023-1m.';
  end if;
  select format('%s was %s bytes long; at most %s are kept.', g.argument, octet_length(g.given), v_longest) into v_long
  from (
    values
      (1, 'p_dataset_slug', p_dataset_slug),
      (2, 'p_symbol', p_symbol),
      (3, 'p_granularity', p_granularity),
      (4, 'p_source', p_source),
      (5, 'p_ohlcv_measurement', p_ohlcv_measurement),
      (6, 'p_indicator_measurement', p_indicator_measurement)
  ) as g (place, argument, given)
  where octet_length(g.given) > v_longest
  order by g.place
  limit 1;
  if found then
    raise exception using errcode = 'S1A02',
      message = v_long,
      hint = 'Pass a shorter one; a longer text has its place in p_metadata.';
  end if;
  if p_ohlcv_rows < 0 or p_indicator_rows < 0 then
    raise exception using errcode = 'S1A02',
      message = format('%s was %s; a row count is 0 or more.',
        case when p_ohlcv_rows < 0 then 'p_ohlcv_rows' else 'p_indicator_rows' end,
        case when p_ohlcv_rows < 0 then p_ohlcv_rows else p_indicator_rows end),
      hint = 'Pass the number of rows of the measurement, or null for none.';
  end if;
  if p_ohlcv_last < p_ohlcv_first then
    raise exception using errcode = 'S1A03',
      message = format('p_ohlcv_last was %s, before p_ohlcv_first, %s.', p_ohlcv_last, p_ohlcv_first),
      hint = 'Pass the first and the last timestamp of the bars, in this order.';
  end if;
  if p_indicator_last < p_indicator_first then
    raise exception using errcode = 'S1A03',
      message = format('p_indicator_last was %s, before p_indicator_first, %s.', p_indicator_last, p_indicator_first),
      hint = 'Pass the first and the last timestamp of the indicators, in this order.';
  end if;
  if jsonb_typeof(p_metadata) <> 'object' then
    raise exception using errcode = 'S1A02',
      message = format('p_metadata was a JSON %s; an object was expected.', jsonb_typeof(p_metadata)),
      hint = 'Pass an object such as {"note": "first import"}, or null to add nothing.';
  end if;

  -- Update, else insert: `on conflict (dataset_id)` watches the id alone, and of two sessions that insert one new dataset
  -- the later may meet the other's slug first, which is a unique violation or a deadlock. Without a target every unique
  -- index is watched, and whoever comes second finds the row here and updates it.
  for v_attempt in 1 .. 10 loop
    begin
      update public.stage1_datasets as d
      set
        dataset_slug = p_dataset_slug,
        symbol = p_symbol,
        granularity = p_granularity,
        source = coalesce(p_source, 'laptop_imgui'),
        ohlcv_measurement = p_ohlcv_measurement,
        indicator_measurement = p_indicator_measurement,
        ohlcv_row_count = coalesce(p_ohlcv_rows, 0),
        indicator_row_count = coalesce(p_indicator_rows, 0),
        ohlcv_first_ts = p_ohlcv_first,
        ohlcv_last_ts = p_ohlcv_last,
        indicator_first_ts = p_indicator_first,
        indicator_last_ts = p_indicator_last,
        metadata = (d.metadata - '{placeholder,placeholder_reason,unknown}'::text[]) || coalesce(p_metadata, '{}'),
        kind = case when d.kind = 'bars' and p_ohlcv_measurement <> '' and p_indicator_measurement <> ''
          then 'triplet' else d.kind end
      where d.dataset_id = p_dataset_id;
      if found then
        return;
      end if;
    exception
      when unique_violation then
        get stacked diagnostics v_constraint = constraint_name;
        select d.dataset_id into v_holder
        from public.stage1_datasets as d
        where d.dataset_slug = p_dataset_slug and d.dataset_id <> p_dataset_id;
        if v_holder is null and v_constraint is distinct from 'stage1_datasets_dataset_slug_key' then
          raise;
        end if;
        exit;
    end;

    insert into public.stage1_datasets (
      dataset_id, dataset_slug, symbol, granularity, source, ohlcv_measurement, indicator_measurement,
      ohlcv_row_count, indicator_row_count, ohlcv_first_ts, ohlcv_last_ts, indicator_first_ts, indicator_last_ts, metadata
    ) values (
      p_dataset_id, p_dataset_slug, p_symbol, p_granularity, coalesce(p_source, 'laptop_imgui'),
      p_ohlcv_measurement, p_indicator_measurement, coalesce(p_ohlcv_rows, 0), coalesce(p_indicator_rows, 0),
      p_ohlcv_first, p_ohlcv_last, p_indicator_first, p_indicator_last, coalesce(p_metadata, '{}')
    ) on conflict do nothing;
    if found then
      return;
    end if;
    select d.dataset_id into v_holder
    from public.stage1_datasets as d
    where d.dataset_slug = p_dataset_slug and d.dataset_id <> p_dataset_id;
    exit when v_holder is not null;
  end loop;
  if v_holder is null and v_constraint is null then
    raise exception using errcode = 'unique_violation',
      message = format('Dataset %s repeats a value that a unique constraint of its own allows once.', p_dataset_id),
      detail = 'Neither its dataset_id nor its dataset_slug is taken.',
      hint = 'Look at the unique constraints that were added to stage1_datasets.';
  end if;
  raise exception using errcode = 'S1C01',
    message = format('p_dataset_slug was %L, which belongs to dataset %s.', p_dataset_slug, coalesce(v_holder::text, 'of another session')),
    detail = format('It was to become the slug of dataset %s.', p_dataset_id),
    hint = 'Choose another slug, or upsert the dataset that holds this one.';
end;
$function$;

comment on function public.upsert_stage1_dataset(
  uuid, text, text, text, text, text, text, bigint, bigint, timestamptz, timestamptz, timestamptz, timestamptz, jsonb
) is
'Inserts a dataset triplet, or updates the one of that id; its metadata is merged, not replaced.';
