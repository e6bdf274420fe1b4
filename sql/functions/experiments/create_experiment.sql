-- Creates an experiment on a version of a dataset and returns it. The same id once more, with the same content, is the same request
-- once more: the experiment is returned as it is. A version that is named by what may move on (latest, a tag) is not looked up again
-- then: the experiment stays on the version that it was created on. Nor is a time that names a version of later.
-- Locks: none but those of its foreign keys.
-- Security definer: experiments are written by this function alone.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1C02 dataset not found, S1E01 version not found, S1X05 experiment taken.
-- depends: experiment_list fn_find_dataset fn_find_dataset_version
create or replace function public.create_experiment(
  p_dataset text,
  p_version text default 'latest',
  p_experiment_id uuid default null,
  p_name text default null,
  p_description text default null,
  p_metadata jsonb default '{}',
  p_repetitions bigint default 1,
  p_created_by text default null
)
  returns setof public.experiment_list
  language plpgsql
  security definer
  rows 1
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
  v_metadata constant jsonb := coalesce(p_metadata, '{}');
  v_id uuid := coalesce(p_experiment_id, gen_random_uuid());
  v_version_id uuid;
  v_made_at timestamptz;
  v_differs text;
begin
  if p_repetitions is null or p_repetitions not between 1 and 1000 then
    raise exception using errcode = 'S1A02',
      message = format('p_repetitions was %s; a number from 1 to 1000 was expected.', coalesce(p_repetitions::text, 'null')),
      hint = 'How often the task is run on each example.';
  end if;
  if btrim(p_name) = '' or octet_length(p_name) > 255 then
    raise exception using errcode = 'S1A02',
      message = format('p_name was %s; 1 to 255 bytes were expected, or null.',
        case when btrim(p_name) = '' then 'empty' else format('%s bytes long', octet_length(p_name)) end),
      hint = 'Pass a short name; p_description may be longer.';
  end if;
  if jsonb_typeof(v_metadata) <> 'object' then
    raise exception using errcode = 'S1A02',
      message = format('p_metadata was of JSON type %s; an object was expected.', jsonb_typeof(v_metadata)),
      hint = 'Pass an object such as {"model": "baseline"}.';
  end if;
  if pg_column_size(v_metadata) > 8388608 or octet_length(v_metadata::text) > 1048576 then
    raise exception using errcode = 'S1A02',
      message = 'p_metadata is larger than 1048576 bytes as text, its numbers written out.',
      hint = 'Keep what is large elsewhere, and its place here.';
  end if;

  if not exists (select 1 from public.experiments as e where e.experiment_id = v_id) then
    select f.version_id into strict v_version_id from public.fn_find_dataset_version(v_dataset_id::text, p_version) as f;
    insert into public.experiments (experiment_id, dataset_id, version_id, name, description, metadata, repetitions, created_by)
    values (v_id, v_dataset_id, v_version_id, p_name, p_description, v_metadata, p_repetitions, coalesce(p_created_by, session_user))
    on conflict (experiment_id) do nothing;
    if found then
      return query select e.* from public.experiment_list as e where e.experiment_id = v_id;
      return;
    end if;
  end if;

  if p_version <> 'latest' and p_version not like 'tag:%' then
    select f.version_id, f.created_at into strict v_version_id, v_made_at from public.fn_find_dataset_version(v_dataset_id::text, p_version) as f;
  else
    v_version_id := null;
  end if;
  select case
      when e.dataset_id <> v_dataset_id then 'dataset'
      when e.version_id <> v_version_id and (p_version not like 'as-of:%' or v_made_at <= e.created_at) then 'version'
      when e.repetitions <> p_repetitions then 'number of repetitions'
      when e.name is distinct from p_name then 'name'
      when e.description is distinct from p_description then 'description'
      when e.metadata <> v_metadata then 'metadata'
    end into v_differs
  from public.experiments as e
  where e.experiment_id = v_id;
  if v_differs is not null then
    raise exception using errcode = 'S1X05',
      message = format('p_experiment_id was %s, which is an experiment with another %s.', v_id, v_differs),
      hint = 'Leave the id out for a new experiment; runs of the one that is there are recorded under its id.';
  end if;
  return query select e.* from public.experiment_list as e where e.experiment_id = v_id;
end;
$function$;

comment on function public.create_experiment(text, text, uuid, text, text, jsonb, bigint, text) is
'Creates an experiment on a version of a dataset and returns it; the same id with the same content once more changes nothing.';
