-- What an example was, newest first: each of its revisions, with the version that made it so.
-- The page is found along the example's revisions; then each has one look for its version, which `limit 1` enforces.
-- Raises: S1A02 argument invalid, S1E08 example not found; of the dataset S1A01, S1C02.
-- depends: fn_find_dataset check_page
create or replace function public.fn_example_history(
  p_dataset text,
  p_source_id text,
  p_limit int default 50,
  p_before_sequence bigint default null
)
  returns table (
    sequence bigint,
    version_id uuid,
    created_at timestamptz,
    created_by text,
    kind text,
    input json,
    output json,
    metadata json,
    content_hash text
  )
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set jit = off
as $function$
declare
  v_dataset_id constant uuid := public.fn_find_dataset(p_dataset);
  v_example_id bigint;
begin
  perform public.check_page(p_limit, 0);
  select e.example_id into v_example_id
  from public.dataset_examples as e
  where e.dataset_id = v_dataset_id and e.source_id = p_source_id;
  if not found then
    raise exception using errcode = 'S1E08',
      message = format('p_source_id was %L; dataset %L never had an example of that source_id.', left(p_source_id, 300), p_dataset),
      hint = 'select source_id from public.fn_dataset_examples(dataset) lists those of the latest version.';
  end if;
  return query
  select v.sequence, v.version_id, v.created_at, v.created_by, r.kind, r.input, r.output, r.metadata, encode(r.content_hash, 'hex')
  from (
    select q.*
    from public.dataset_example_revisions as q
    where q.example_id = v_example_id and (p_before_sequence is null or q.from_sequence < p_before_sequence)
    order by q.from_sequence desc
    limit p_limit
  ) as r
  cross join lateral (
    select q.sequence, q.version_id, q.created_at, q.created_by
    from public.dataset_versions as q
    where q.dataset_id = r.dataset_id and q.sequence = r.from_sequence
    limit 1
  ) as v
  order by r.from_sequence desc;
end;
$function$;

comment on function public.fn_example_history(text, text, int, bigint) is
'What an example of a dataset was, newest first, and which versions made it so.';
