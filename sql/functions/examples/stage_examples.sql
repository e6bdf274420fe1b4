-- Makes pg_temp.staged_examples, which the caller fills by COPY for upsert_dataset_examples and plan_dataset_examples.
-- A row without a body says 'the dataset holds this one with this hash'. Called again in a transaction it begins anew.
-- Locks: none but on the temporary table, which goes at the end of the transaction.
-- Security definer: the owner alone can have made the table that counts, and nobody but it may put an index or a trigger on it.
create or replace function stage1_internal.stage_examples()
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if to_regclass('pg_temp.staged_examples') is not null then
    drop table pg_temp.staged_examples;
  end if;
  begin
    create temporary table staged_examples (
      source_id text collate "C" not null,
      input json,
      output json,
      metadata json,
      content_hash bytea
    ) on commit drop;
  exception
    when insufficient_privilege then
      raise exception using errcode = '42501',
        message = format('%s owns the staging functions and may not make temporary tables in database %I.', current_user, current_database()),
        hint = format('As a superuser: grant temporary on database %I to %I;', current_database(), current_user);
  end;
  -- A temporary table can be reached by its own session alone.
  grant insert on pg_temp.staged_examples to public;
end;
$function$;

comment on function stage1_internal.stage_examples() is
'Makes the temporary table staged_examples, which the caller fills by COPY.';
