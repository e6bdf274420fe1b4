-- Gives a version of a dataset a name, or moves the name to it; returns the tag. A name that is there already is left as it is.
-- A name is no form in which versions are named otherwise: a number, a UUID, latest, or anything with a colon.
-- Locks: the tag's row.
-- Security definer: tags are written by functions of the owner alone.
-- Raises: S1A01 argument missing, S1A02 argument invalid; of the version S1A02, S1E01, S1E07; of the dataset S1A01, S1C02.
-- depends: version_sequence fn_find_dataset fn_list_dataset_tags
create or replace function public.tag_dataset_version(
  p_dataset text,
  p_tag text,
  p_version text default 'latest',
  p_updated_by text default null
)
  returns table (
    tag text,
    version_id uuid,
    sequence bigint,
    updated_at timestamptz,
    updated_by text
  )
  language plpgsql
  security definer
  rows 1
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
  v_version_id uuid;
begin
  if btrim(coalesce(p_tag, '')) = '' then
    raise exception using errcode = 'S1A01',
      message = format('p_tag was %s; a name is required.', case when p_tag is null then 'null' else 'empty' end),
      hint = 'Pass a name such as baseline.';
  end if;
  if octet_length(p_tag) > 255 or p_tag <> btrim(p_tag) or position(':' in p_tag) > 0 or lower(p_tag) = 'latest'
    or p_tag ~ '^[0-9]+$' or p_tag ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    raise exception using errcode = 'S1A02',
      message = format('p_tag was %L; a name of at most 255 bytes was expected that is no number, no UUID, not latest, and has no colon.',
        left(p_tag, 300)),
      hint = 'Pass a name such as baseline.';
  end if;
  select v.version_id into v_version_id
  from public.dataset_versions as v
  where v.dataset_id = v_dataset_id and v.sequence = stage1_internal.version_sequence(p_dataset, p_version);
  insert into public.dataset_version_tags as t (dataset_id, tag, version_id, updated_by)
  values (v_dataset_id, p_tag, v_version_id, coalesce(nullif(btrim(p_updated_by), ''), session_user))
  on conflict on constraint dataset_version_tags_pkey do update
  set version_id = excluded.version_id, updated_at = excluded.updated_at, updated_by = excluded.updated_by
  where t.version_id <> excluded.version_id;
  return query
  select l.* from public.fn_list_dataset_tags(p_dataset) as l where l.tag = p_tag;
end;
$function$;

comment on function public.tag_dataset_version(text, text, text, text) is
'Gives a version of a dataset a name, or moves the name to it.';
