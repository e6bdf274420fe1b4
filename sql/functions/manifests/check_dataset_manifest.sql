-- Refuses a manifest that lacks something or contradicts itself, naming the argument of upsert_dataset_manifest.
-- Texts have at most 255 bytes, paths 4096.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted.
create or replace function stage1_internal.check_dataset_manifest(
  p_manifest public.dataset_manifests
)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_found text;
begin
  select g.argument into v_found
  from (
    values
      (1, 'p_symbol', p_manifest.symbol), (2, 'p_from_date', p_manifest.from_date::text), (3, 'p_to_date', p_manifest.to_date::text),
      (4, 'p_products', p_manifest.products::text), (5, 'p_calendar_version', p_manifest.calendar_version),
      (6, 'p_tz', p_manifest.tz), (7, 'p_raw_dbn', p_manifest.raw_dbn::text), (8, 'p_bars_parquet', p_manifest.bars_parquet::text),
      (9, 'p_bars_manifest_path', p_manifest.bars_manifest_path), (10, 'p_bars_manifest_sha256', p_manifest.bars_manifest_sha256),
      (11, 'p_generated_at', p_manifest.generated_at::text), (12, 'p_size_bytes', p_manifest.size_bytes::text),
      (13, 'p_status', p_manifest.status), (14, 'p_vendor_dataset', p_manifest.vendor_dataset),
      (15, 'p_bar_count', p_manifest.bar_count::text)
  ) as g (place, argument, given)
  where btrim(coalesce(g.given, '')) = ''
  order by g.place
  limit 1;
  if found then
    raise exception using errcode = 'S1A01',
      message = format('%s was null or empty; it is required.', v_found),
      hint = 'Pass what the manifest of the bars says.';
  end if;
  select format('%s was %s bytes long; at most %s are kept.', g.argument, octet_length(g.given), g.longest) into v_found
  from (
    values
      (1, 'p_symbol', p_manifest.symbol, 255), (2, 'p_calendar_version', p_manifest.calendar_version, 255), (3, 'p_tz', p_manifest.tz, 255),
      (4, 'p_bars_manifest_path', p_manifest.bars_manifest_path, 4096), (5, 'p_vendor_dataset', p_manifest.vendor_dataset, 255)
  ) as g (place, argument, given, longest)
  where octet_length(g.given) > g.longest
  order by g.place
  limit 1;
  if found then
    raise exception using errcode = 'S1A02', message = v_found, hint = 'Pass a shorter one.';
  end if;
  select format('%s was %s; an array of texts%s was expected.', g.argument, left(g.given::text, 100), g.extent) into v_found
  from (
    values
      (1, 'p_products', p_manifest.products, ' that is not empty'), (2, 'p_raw_dbn', p_manifest.raw_dbn, ''),
      (3, 'p_bars_parquet', p_manifest.bars_parquet, '')
  ) as g (place, argument, given, extent)
  where jsonb_typeof(g.given) <> 'array' or jsonb_path_exists(g.given, 'strict $[*] ? (@.type() <> "string")')
    or (g.extent <> '' and g.given = '[]')
  order by g.place
  limit 1;
  if found then
    raise exception using errcode = 'S1A02', message = v_found, hint = 'Pass an array such as ["TRADES", "TBBO"].';
  end if;
  if p_manifest.bars_manifest_sha256 !~ '^[0-9a-f]{64}$' then
    raise exception using errcode = 'S1A02',
      message = format('p_bars_manifest_sha256 was %L; 64 hexadecimal digits were expected.', left(p_manifest.bars_manifest_sha256, 100)),
      hint = 'Pass the sha256 of the manifest file, in lower case.';
  end if;
  if p_manifest.size_bytes < 0 or p_manifest.bar_count < 0 then
    raise exception using errcode = 'S1A02',
      message = format('%s was %s; a number that is 0 or more was expected.',
        case when p_manifest.size_bytes < 0 then 'p_size_bytes' else 'p_bar_count' end, least(p_manifest.size_bytes, p_manifest.bar_count)),
      hint = 'Pass the sum of the files'' bytes, and the number of bars.';
  end if;
  if p_manifest.status not in ('READY', 'PARTIAL') then
    raise exception using errcode = 'S1A02',
      message = format('p_status was %L; READY or PARTIAL was expected.', left(p_manifest.status, 100)),
      hint = 'PARTIAL is a range of days that is not over.';
  end if;
  if (p_manifest.bar_count > 0) <> (p_manifest.first_ts is not null) or (p_manifest.first_ts is null) <> (p_manifest.last_ts is null) then
    raise exception using errcode = 'S1A02',
      message = format('p_bar_count was %s, p_first_ts %s and p_last_ts %s; both times were expected where there are bars, and none else.',
        p_manifest.bar_count, coalesce(p_manifest.first_ts::text, 'null'), coalesce(p_manifest.last_ts::text, 'null')),
      hint = 'Pass the times of the first and of the last bar, or null for both.';
  end if;
  if p_manifest.to_date <= p_manifest.from_date then
    raise exception using errcode = 'S1A03',
      message = format('p_to_date was %s, not after p_from_date, %s; it is exclusive.', p_manifest.to_date, p_manifest.from_date),
      hint = 'Pass the day after the last one.';
  end if;
  if p_manifest.last_ts < p_manifest.first_ts then
    raise exception using errcode = 'S1A03',
      message = format('p_last_ts was %s, before p_first_ts, %s.', p_manifest.last_ts, p_manifest.first_ts),
      hint = 'Pass the times of the first and of the last bar, in this order.';
  end if;
end;
$function$;

comment on function stage1_internal.check_dataset_manifest(public.dataset_manifests) is
'Refuses a manifest that lacks something or contradicts itself.';
