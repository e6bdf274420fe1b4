-- Writes the audit row of a load that is about to begin, `running`, and returns its id.
-- Rows of the same file that are `running` and whose load is dead are marked as failed first: a load that lives holds its
-- row, so a row that can be locked belongs to nobody. A refused file gets its row here, too, and then its error by
-- fail_ingest; its dataset and sha256 may be unknown.
-- Locks: the rows that are taken over.
-- Security definer: nobody but the owner writes the audit trail.
-- Raises: S1A01 argument missing.
create or replace function stage1_internal.begin_ingest(
  p_vendor text,
  p_dataset text,
  p_origin text,
  p_file_name text,
  p_file_sha256 text,
  p_file_bytes bigint,
  p_options jsonb default '{}',
  p_whole boolean default true,
  p_warnings jsonb default '[]',
  p_details jsonb default '{}'
)
  returns bigint
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_id bigint;
  v_missing text := case when p_vendor is null then 'p_vendor' when coalesce(p_file_name, '') = '' then 'p_file_name' end;
begin
  if v_missing is not null then
    raise exception using errcode = 'S1A01',
      message = format('%s was null or empty; it is required.', v_missing),
      hint = 'Pass the vendor, such as databento, and the name of the file.';
  end if;
  insert into public.data_ingest_runs (
    vendor, dataset, origin, file_name, file_sha256, file_bytes, options, whole, warnings, details, backend_pid
  ) values (
    p_vendor, p_dataset, coalesce(p_origin, 'vendor'), p_file_name, p_file_sha256, p_file_bytes, coalesce(p_options, '{}'),
    coalesce(p_whole, true), coalesce(p_warnings, '[]'), coalesce(p_details, '{}'), pg_backend_pid()
  ) returning id into v_id;
  with dead as (
    select r.id
    from public.data_ingest_runs as r
    where r.file_sha256 = p_file_sha256 and r.status = 'running' and r.id <> v_id
    order by r.id
    for update skip locked
  )
  update public.data_ingest_runs as r
  set status = 'failed',
    finished_at = clock_timestamp(),
    error = format('taken over by ingest %s: the load of process %s, begun %s, ended without a word', v_id, r.backend_pid, r.started_at)
  from dead as d
  where r.id = d.id;
  return v_id;
end;
$function$;

comment on function stage1_internal.begin_ingest(text, text, text, text, text, bigint, jsonb, boolean, jsonb, jsonb) is
'Writes the audit row of a load that begins and returns its id; takes over what a dead load of the same file left.';
