-- Makes pg_temp.staged_runs for this transaction, empty, ready for COPY; record_experiment_runs() reads it.
-- Once more in one transaction it is emptied.
-- Locks: none but that of the temporary table.
-- Security definer: what stage1 itself made can be read with the owner's rights.
-- Raises: 42501 where the owner may make no temporary tables, or a table of that name is the caller's.
create or replace function stage1_internal.stage_experiment_runs()
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
  set client_min_messages = warning
as $function$
begin
  drop table if exists pg_temp.staged_runs;
  begin
    create temporary table staged_runs (
      source_id text collate "C",
      repetition bigint,
      output json,
      error text,
      started_at timestamptz,
      finished_at timestamptz
    ) on commit drop;
  exception
    when insufficient_privilege then
      raise exception using errcode = '42501',
        message = format('%s owns the recording functions and may not make temporary tables in database %I.', current_user, current_database()),
        hint = format('As a superuser: grant temporary on database %I to %I;', current_database(), current_user);
  end;
  -- A temporary table can be reached by its own session alone.
  grant insert on pg_temp.staged_runs to public;
end;
$function$;

comment on function stage1_internal.stage_experiment_runs() is
'Makes the table pg_temp.staged_runs of this transaction, ready for COPY.';
