-- The dataset of examples that is named by id or by name, its row locked; dataset_id is null where it is new and nothing is written.
-- A new dataset gets p_new_dataset_id, unless that is null or taken. Whoever creates one of the same name at the same time waits
-- for the other's end and finds its row.
-- Locks: the dataset's row to the end of the transaction; in share mode where nothing is written (p_is_writing).
-- Security definer: it is called with the owner's rights, and finds no types that the caller made.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1C01 slug taken, S1C02 dataset not found, S1E06 not examples.
create or replace function stage1_internal.locked_examples(
  p_dataset_id uuid,
  p_name text,
  p_is_writing boolean,
  p_new_dataset_id uuid
)
  returns table (
    dataset_id uuid,
    is_created boolean
  )
  language plpgsql
  security definer
  rows 1
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_id uuid;
  v_kind text;
begin
  if p_dataset_id is null and btrim(coalesce(p_name, '')) = '' then
    raise exception using errcode = 'S1A01',
      message = 'p_dataset_id and p_name were null or empty; one of them is required.',
      hint = 'Pass the name of the dataset, or the id of one that is there.';
  end if;
  if p_dataset_id is not null and p_name is not null then
    raise exception using errcode = 'S1A02',
      message = format('p_dataset_id was %s and p_name %L; one of them was expected.', p_dataset_id, left(p_name, 100)),
      hint = 'Pass the name of the dataset, or the id of one that is there.';
  end if;
  if octet_length(p_name) > 255 then
    raise exception using errcode = 'S1A02',
      message = format('p_name was %s bytes long; at most 255 are kept.', octet_length(p_name)),
      hint = 'Pass a shorter one; a longer text has its place in the description.';
  end if;
  if p_name ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    -- Whoever asks for a dataset by that text gets the one of that id.
    raise exception using errcode = 'S1A02',
      message = format('p_name was %L, which is a UUID and no name.', p_name),
      hint = 'Pass it as p_dataset_id where that dataset is meant, or choose another name.';
  end if;
  is_created := false;
  for v_attempt in 1 .. 10 loop
    dataset_id := null;
    v_id := coalesce(p_dataset_id, (select d.dataset_id from public.stage1_datasets as d where d.dataset_slug = p_name));
    -- A row that is renamed meanwhile is not found by its lock.
    if p_is_writing then
      select d.dataset_id, d.kind into dataset_id, v_kind
      from public.stage1_datasets as d
      where d.dataset_id = v_id and (p_name is null or d.dataset_slug = p_name)
      for no key update;
    else
      select d.dataset_id, d.kind into dataset_id, v_kind
      from public.stage1_datasets as d
      where d.dataset_id = v_id and (p_name is null or d.dataset_slug = p_name)
      for share;
    end if;
    exit when dataset_id is not null or p_name is null or (v_id is null and not p_is_writing);
    if v_id is null then
      insert into public.stage1_datasets as d (dataset_id, dataset_slug, source, ohlcv_measurement, indicator_measurement, kind)
      values (
        case when v_attempt = 1 and p_new_dataset_id is not null then p_new_dataset_id else gen_random_uuid() end,
        p_name, 'stage1', '', '', 'examples'
      )
      on conflict do nothing
      returning d.dataset_id, d.kind into dataset_id, v_kind;
      is_created := dataset_id is not null;
      exit when is_created;
    end if;
  end loop;
  if dataset_id is null and p_name is null then
    raise exception using errcode = 'S1C02',
      message = format('p_dataset_id was %s; there is no dataset of that id.', p_dataset_id),
      hint = 'select dataset_id, dataset_slug from public.fn_list_datasets() lists them; p_name makes a new one.';
  end if;
  if dataset_id is null and p_is_writing then
    raise exception using errcode = 'S1C01',
      message = format('p_name was %L, which other sessions take and give up again and again.', p_name),
      hint = 'Choose another name, or try again later.';
  end if;
  if v_kind <> 'examples' then
    raise exception using errcode = 'S1E06',
      message = format('%s, which is a dataset of %s, not of examples.',
        case when p_name is null then format('p_dataset_id was %s', p_dataset_id) else format('p_name was %L', p_name) end,
        case v_kind when 'bars' then 'bars' else 'a triplet' end),
      hint = 'Choose another name for the examples.';
  end if;
  return next;
end;
$function$;

comment on function stage1_internal.locked_examples(uuid, text, boolean, uuid) is
'The dataset of examples that an id or a name means, with its row locked; makes it where it is new.';
