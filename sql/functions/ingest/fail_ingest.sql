-- Marks an ingest as failed with its error: after its load was rolled back, or for a file that was refused.
-- The error of a row that another loader took over meanwhile is replaced: this one knows the reason.
-- Locks: the row of the ingest; waits for its load, if that lives.
-- Security definer: nobody but the owner writes the audit trail.
-- Raises: S1A01 argument missing, S1I07 ingest not found, S1I09 ingest state.
create or replace function stage1_internal.fail_ingest(
  p_ingest_id bigint,
  p_error text
)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_run public.data_ingest_runs;
begin
  if coalesce(btrim(p_error), '') = '' then
    raise exception using errcode = 'S1A01',
      message = 'p_error was null or empty; the reason of the failure was expected.',
      hint = 'Pass the message that the user saw.';
  end if;
  update public.data_ingest_runs as r
  set status = 'failed', error = p_error, finished_at = clock_timestamp()
  where r.id = p_ingest_id and r.status <> 'success' and r.undone_at is null;
  if found then
    return;
  end if;
  select r.* into v_run from public.data_ingest_runs as r where r.id = p_ingest_id;
  if not found then
    raise exception using errcode = 'S1I07',
      message = format('p_ingest_id was %s; there is no ingest of that id.', coalesce(p_ingest_id::text, 'null')),
      hint = 'select id, file_name, status from public.fn_list_ingests() lists them.';
  end if;
  raise exception using errcode = 'S1I09',
    message = format('Ingest %s cannot fail any more: it %s.', p_ingest_id, case
      when v_run.undone_at is not null then format('was undone at %s', v_run.undone_at)
      else format('is a success, committed with %s rows; it ended at %s', v_run.row_count, v_run.finished_at)
    end),
    hint = format('select * from public.fn_show_ingest(%s) shows it; ', p_ingest_id) || case
      when v_run.undone_at is not null then 'begin a new ingest to load the file again.'
      else 'undo_ingest removes what it loaded.'
    end;
end;
$function$;

comment on function stage1_internal.fail_ingest(bigint, text) is
'Marks an ingest as failed, with its error.';
