-- The migrations that were applied, in order: whether a database is the one that a server was made for.
-- Security definer: a server may not read the ledger otherwise.
-- Locks: none. Raises: nothing.
create or replace function public.fn_applied_migrations()
  returns table (migration_id text, sha256 text)
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
  select m.migration_id, m.sha256
  from stage1_internal.applied_migrations as m
  order by m.migration_id
$function$;

comment on function public.fn_applied_migrations() is
'The migrations that were applied, with the sha256 of their files.';
