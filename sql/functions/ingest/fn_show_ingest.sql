-- The audit row of one load.
-- Raises: S1I07 ingest not found.
create or replace function public.fn_show_ingest(
  p_ingest_id bigint
)
  returns setof public.data_ingest_runs
  language plpgsql
  stable
  rows 1
  set search_path = ''
as $function$
begin
  return query
  select r.* from public.data_ingest_runs as r where r.id = p_ingest_id;
  if not found then
    raise exception using errcode = 'S1I07',
      message = format('p_ingest_id was %s; there is no ingest of that id.', coalesce(p_ingest_id::text, 'null')),
      hint = 'select id, file_name, status from public.fn_list_ingests() lists them.';
  end if;
end;
$function$;

comment on function public.fn_show_ingest(bigint) is
'The audit row of one load.';
