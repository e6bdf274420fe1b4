-- Gives every row of indicator_datasets its parent in stage1_datasets, now and for rows that are yet to come.
--
-- A client of before writes indicator_datasets only. A before-insert trigger makes the parent by the rule that the
-- backfill uses; an after trigger lets the parent's statistics follow until the dataset is upserted whole. The
-- triggers stand before the backfill reads its first row, so no insert slips between.
--
-- The rule (docs/decisions/0006-legacy-rows.md): the slug is the QuestDB tag, or the dataset_id where there is none.
-- Where another dataset holds it: tag-<first 8 of the id>, then tag-<id>, then tag-<id>-2 and so on. A tag that
-- cannot be the name of a QuestDB table (over 255 bytes) is kept in metadata only. metadata.unknown lists the
-- measurements nobody has told us yet; upsert_stage1_dataset removes it.
--
-- Locks: share row exclusive on indicator_datasets to the commit (reads go on, writes wait).
-- Duration: about a minute a million rows.
-- depends: 0002_index_catalog_tables

create function stage1_internal.insert_dataset_v1(
  p_dataset_id uuid,
  p_tag text,
  p_symbol text,
  p_granularity text,
  p_source text,
  p_indicator_measurement text,
  p_row_count bigint,
  p_first_ts timestamptz,
  p_last_ts timestamptz,
  p_metadata jsonb
)
  returns text
  language plpgsql
  set search_path = ''
as $function$
declare
  v_base text := coalesce(p_tag, p_dataset_id::text);
  v_slug text;
  v_origin text := case when p_tag is null then 'dataset_id' else 'questdb_tag' end;
begin
  for v_attempt in 1 .. 1000 loop
    v_slug := case
      when v_attempt = 1 then v_base
      when v_attempt = 2 then v_base || '-' || left(p_dataset_id::text, 8)
      when v_attempt = 3 then v_base || '-' || p_dataset_id::text
      else v_base || '-' || p_dataset_id::text || '-' || (v_attempt - 2)::text
    end;
    -- Any conflict counts, of the id or of the slug, and a concurrent one is waited for.
    insert into public.stage1_datasets (
      dataset_id, dataset_slug, symbol, granularity, source, ohlcv_measurement, indicator_measurement,
      indicator_row_count, indicator_first_ts, indicator_last_ts, metadata
    ) values (
      p_dataset_id, v_slug, p_symbol, p_granularity, p_source, '', p_indicator_measurement,
      p_row_count, p_first_ts, p_last_ts,
      p_metadata || jsonb_build_object('slug_from', v_origin || case when v_attempt > 1 then ' with suffix' else '' end)
    ) on conflict do nothing;
    if found then
      return v_slug;
    end if;
    if exists (select 1 from public.stage1_datasets as d where d.dataset_id = p_dataset_id) then
      return null;
    end if;
  end loop;
  raise exception using errcode = 'S1C01',
    message = format('No slug is free for dataset %s: %s and 999 names made from it belong to other datasets.', p_dataset_id, v_base),
    hint = 'Give the dataset a name of its own with upsert_stage1_dataset.';
end;
$function$;

comment on function stage1_internal.insert_dataset_v1(
  uuid, text, text, text, text, text, bigint, timestamptz, timestamptz, jsonb
) is
'Inserts a dataset under the first free slug made from its tag or id and returns the slug; null where the dataset exists.';

create function stage1_internal.legacy_measurement_v1(p_questdb_tag text)
  returns text
  language sql
  immutable
  set search_path = ''
begin atomic
  select case when btrim(p_questdb_tag) <> '' and octet_length(p_questdb_tag) <= 255 then p_questdb_tag else '' end;
end;

comment on function stage1_internal.legacy_measurement_v1(text) is
'The indicator measurement that a QuestDB tag names; an empty string where it names none.';

create function stage1_internal.legacy_metadata_v1(
  p_source text,
  p_questdb_tag text
)
  returns jsonb
  language sql
  immutable
  set search_path = ''
begin atomic
  select jsonb_build_object(
    'legacy_source', p_source,
    'questdb_tag', p_questdb_tag,
    'unknown', case when stage1_internal.legacy_measurement_v1(p_questdb_tag) = ''
      then '["ohlcv_measurement", "indicator_measurement"]'::jsonb else '["ohlcv_measurement"]'::jsonb end
  );
end;

comment on function stage1_internal.legacy_metadata_v1(text, text) is
'What metadata records of a dataset that is known from indicator_datasets alone.';

create function stage1_internal.register_indicator_dataset_v1(
  p_dataset_id uuid,
  p_symbol text,
  p_granularity text,
  p_source text,
  p_questdb_tag text,
  p_row_count bigint,
  p_first_bar_ts timestamptz,
  p_last_bar_ts timestamptz
)
  returns text
  language sql
  set search_path = ''
begin atomic
  select stage1_internal.insert_dataset_v1(
    p_dataset_id,
    nullif(stage1_internal.legacy_measurement_v1(p_questdb_tag), ''),
    nullif(p_symbol, ''),
    nullif(p_granularity, ''),
    coalesce(p_source, 'legacy_import'),
    stage1_internal.legacy_measurement_v1(p_questdb_tag),
    p_row_count,
    p_first_bar_ts,
    p_last_bar_ts,
    stage1_internal.legacy_metadata_v1(p_source, p_questdb_tag)
  );
end;

comment on function stage1_internal.register_indicator_dataset_v1(
  uuid, text, text, text, text, bigint, timestamptz, timestamptz
) is
'Makes the parent of an indicator_datasets row by the backfill''s rule and returns its slug; null where it exists.';

-- Security definer: a client of before may insert into indicator_datasets and knows nothing of stage1_datasets.
create function stage1_internal.ensure_parent_dataset_v1()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  if new.dataset_id is not null and not exists (select 1 from public.stage1_datasets as d where d.dataset_id = new.dataset_id) then
    perform stage1_internal.register_indicator_dataset_v1(
      new.dataset_id, new.symbol, new.granularity, new.source, new.questdb_tag, new.row_count, new.first_bar_ts, new.last_bar_ts
    );
  end if;
  return new;
end;
$function$;

comment on function stage1_internal.ensure_parent_dataset_v1() is
'Trigger: makes the parent of a new indicator_datasets row where there is none.';

-- Security definer: for the same reason as above.
create function stage1_internal.follow_indicator_dataset_v1()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  update public.stage1_datasets as d
  set
    symbol = nullif(new.symbol, ''),
    granularity = nullif(new.granularity, ''),
    source = coalesce(new.source, 'legacy_import'),
    indicator_measurement = stage1_internal.legacy_measurement_v1(new.questdb_tag),
    indicator_row_count = new.row_count,
    indicator_first_ts = new.first_bar_ts,
    indicator_last_ts = new.last_bar_ts,
    metadata = (d.metadata - '{placeholder,placeholder_reason}'::text[])
      || stage1_internal.legacy_metadata_v1(new.source, new.questdb_tag)
  where d.dataset_id = new.dataset_id
    and d.metadata ?| '{placeholder,unknown}'
    and (d.metadata ? 'placeholder'
      or (d.symbol, d.granularity, d.source, d.metadata ->> 'questdb_tag', d.indicator_row_count, d.indicator_first_ts, d.indicator_last_ts)
      is distinct from (nullif(new.symbol, ''), nullif(new.granularity, ''), coalesce(new.source, 'legacy_import'), new.questdb_tag,
        new.row_count, new.first_bar_ts, new.last_bar_ts));
  return null;
end;
$function$;

comment on function stage1_internal.follow_indicator_dataset_v1() is
'Trigger: while nobody has upserted the dataset, what is known of its indicators follows its indicator_datasets row.';

revoke execute on function
stage1_internal.insert_dataset_v1(uuid, text, text, text, text, text, bigint, timestamptz, timestamptz, jsonb),
stage1_internal.legacy_measurement_v1(text),
stage1_internal.legacy_metadata_v1(text, text),
stage1_internal.register_indicator_dataset_v1(uuid, text, text, text, text, bigint, timestamptz, timestamptz),
stage1_internal.ensure_parent_dataset_v1(),
stage1_internal.follow_indicator_dataset_v1()
from public;

lock table public.indicator_datasets in share row exclusive mode;

create trigger indicator_datasets_ensure_parent
before insert or update of dataset_id on public.indicator_datasets
for each row execute function stage1_internal.ensure_parent_dataset_v1();

create trigger indicator_datasets_follow
after insert or update on public.indicator_datasets
for each row execute function stage1_internal.follow_indicator_dataset_v1();

do $backfill$
declare
  v_row record;
  v_slug text;
  v_rows bigint;
  v_present bigint;
  v_untagged bigint;
  v_changed bigint := 0;
  v_examples text[] := '{}';
begin
  select
    count(*),
    count(*) filter (where d.dataset_id is not null),
    count(*) filter (where d.dataset_id is null and stage1_internal.legacy_measurement_v1(i.questdb_tag) = '')
    into v_rows, v_present, v_untagged
  from public.indicator_datasets as i
    left join public.stage1_datasets as d on d.dataset_id = i.dataset_id;

  -- The oldest holder of a slug keeps it. All of them at once: the rule's first try, without a call for each row.
  with named as materialized (
    select i.*, stage1_internal.legacy_measurement_v1(i.questdb_tag) as measurement
    from public.indicator_datasets as i
  )
  insert into public.stage1_datasets (
    dataset_id, dataset_slug, symbol, granularity, source, ohlcv_measurement, indicator_measurement,
    indicator_row_count, indicator_first_ts, indicator_last_ts, metadata
  )
  select
    h.dataset_id, h.slug, nullif(h.symbol, ''), nullif(h.granularity, ''), coalesce(h.source, 'legacy_import'), '', h.measurement,
    h.row_count, h.first_bar_ts, h.last_bar_ts,
    stage1_internal.legacy_metadata_v1(h.source, h.questdb_tag)
    || jsonb_build_object('slug_from', case when h.measurement = '' then 'dataset_id' else 'questdb_tag' end)
  from (
    select distinct on (coalesce(nullif(n.measurement, ''), n.dataset_id::text))
      n.*, coalesce(nullif(n.measurement, ''), n.dataset_id::text) as slug
    from named as n
    order by coalesce(nullif(n.measurement, ''), n.dataset_id::text), n.created_at, n.dataset_id
  ) as h
  order by h.created_at, h.dataset_id
  on conflict do nothing;

  -- The rest repeats a slug, and comes after every slug has its holder.
  for v_row in
    select i.*
    from public.indicator_datasets as i
    where not exists (select 1 from public.stage1_datasets as d where d.dataset_id = i.dataset_id)
    order by i.created_at, i.dataset_id
  loop
    v_slug := stage1_internal.register_indicator_dataset_v1(
      v_row.dataset_id, v_row.symbol, v_row.granularity, v_row.source, v_row.questdb_tag, v_row.row_count,
      v_row.first_bar_ts, v_row.last_bar_ts
    );
    v_changed := v_changed + 1;
    if v_changed <= 10 then
      v_examples := v_examples || format('%s is now %s', v_row.dataset_id, v_slug);
    end if;
  end loop;
  raise notice 'stage1_datasets: % of % rows of indicator_datasets backfilled, % were there already', v_rows - v_present, v_rows, v_present;
  if v_untagged > 0 then
    raise warning 'stage1_datasets: rows of indicator_datasets without a usable questdb_tag, whose slug is their dataset_id: %', v_untagged;
  end if;
  if v_changed > 0 then
    raise warning 'stage1_datasets: rows of indicator_datasets whose tag is the slug of another dataset, and got a suffix: % (%)',
      v_changed, array_to_string(v_examples, ', ') || case when v_changed > 10 then ', ...' else '' end;
  end if;
end;
$backfill$;
