-- Lets the trigger functions, which run with the owner's rights, find types in pg_catalog before they look into pg_temp.
--
-- With an empty search_path a name of a type that is no keyword (text, jsonb, uuid) is looked up in the caller's temporary
-- schema first: a domain that somebody makes there would run its check as the owner. Named last, pg_temp is searched last.
-- All functions of that kind are meant, since those that the triggers call run with the same rights.
--
-- Locks: none on tables.
-- Duration: milliseconds.
-- depends: 0008_keep_ingests_with_bars

do $pin$
declare
  v_function text;
begin
  for v_function in
    select p.oid::regprocedure::text
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'stage1_internal'::regnamespace and p.proname ~ '_v[0-9]+$' and p.prokind = 'f'
    order by 1
  loop
    execute format('alter function %s set search_path = pg_catalog, pg_temp', v_function);
  end loop;
end;
$pin$;
