-- The sequence of the version of a dataset that a text names: latest (also null), a sequence, a version_id, tag:NAME, or
-- as-of:TIME, the newest that was made at that time or before.
-- Raises: S1A02 argument invalid, S1E01 version not found, S1E07 tag not found; of the dataset S1A01, S1C02.
-- depends: fn_find_dataset
create or replace function stage1_internal.version_sequence(
  p_dataset text,
  p_version text
)
  returns bigint
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
  v_time timestamptz;
  v_sequence bigint;
begin
  if coalesce(p_version, 'latest') = 'latest' then
    select v.sequence into v_sequence
    from public.dataset_versions as v
    where v.dataset_id = v_dataset_id
    order by v.sequence desc
    limit 1;
  elsif p_version ~ '^[0-9]{1,18}$' then
    select v.sequence into v_sequence
    from public.dataset_versions as v
    where v.dataset_id = v_dataset_id and v.sequence = p_version::bigint;
  elsif p_version ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select v.sequence into v_sequence
    from public.dataset_versions as v
    where v.version_id = p_version::uuid and v.dataset_id = v_dataset_id;
  elsif p_version like 'tag:%' then
    select v.sequence into v_sequence
    from public.dataset_version_tags as t
    inner join public.dataset_versions as v on v.version_id = t.version_id
    where t.dataset_id = v_dataset_id and t.tag = substr(p_version, 5);
    if not found then
      raise exception using errcode = 'S1E07',
        message = format('p_version was %L; dataset %L has no tag of that name.', left(p_version, 300), p_dataset),
        hint = 'select tag from public.fn_list_dataset_tags(dataset) lists its tags.';
    end if;
  else
    -- Without a zone it would mean another moment in each session.
    if p_version ~ '^as-of:\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d(:?\d\d)?)$' then
      begin
        -- Digits beyond the microseconds are cut off: rounded up they would name a moment to come.
        v_time := regexp_replace(substr(p_version, 7), '(\.\d{6})\d+', '\1')::timestamptz;
      exception
        when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
          v_time := null;
      end;
    end if;
    if v_time is null then
      raise exception using errcode = 'S1A02',
        message = format('p_version was %L; it names no version in any of the forms.', left(p_version, 300)),
        hint = 'Pass latest, a number such as 3, a version_id, tag:NAME, or as-of:2023-01-03T14:30:00Z.';
    end if;
    select v.sequence into v_sequence
    from public.dataset_versions as v
    where v.dataset_id = v_dataset_id and v.created_at <= v_time
    order by v.created_at desc, v.sequence desc
    limit 1;
  end if;
  if v_sequence is null then
    raise exception using errcode = 'S1E01',
      message = format('p_version was %L; dataset %L has no such version.', left(coalesce(p_version, 'latest'), 300), p_dataset),
      hint = 'select * from public.fn_list_dataset_versions(dataset) lists its versions; a dataset that is no set of examples has none.';
  end if;
  return v_sequence;
end;
$function$;

comment on function stage1_internal.version_sequence(text, text) is
'The sequence of the version that a text names: latest, a number, a version_id, tag:NAME or as-of:TIME.';
