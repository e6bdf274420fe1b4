-- The staged examples whose body an upsert needs, in the order of their source ids: they are new, changed or restored.
-- Asked in the transaction of plan_dataset_examples, or of a dry run.
-- Security definer: the owner alone reads what is staged.
-- Raises: S1A01 argument missing.
create or replace function public.needed_examples()
  returns setof text
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if not exists (
    select 1 from pg_catalog.pg_class as c
    where c.oid = to_regclass('pg_temp.example_changes') and c.relkind = 'r' and pg_catalog.pg_get_userbyid(c.relowner) = current_user
  ) then
    raise exception using errcode = 'S1A01',
      message = 'Nothing was planned in this transaction.',
      hint = 'Stage hashes and call plan_dataset_examples first, in the same transaction.';
  end if;
  return query
  select c.source_id::text
  from pg_temp.example_changes as c
  where c.change <> 'deleted' and c.input is null
  order by c.source_id;
end;
$function$;

comment on function public.needed_examples() is
'The staged examples whose body an upsert needs, after a plan in the same transaction.';
