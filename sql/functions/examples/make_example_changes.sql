-- Makes pg_temp.example_changes, empty: what write_example_version makes a version of.
-- Locks: none but on the temporary table, which goes at the end of the transaction.
-- Security definer: it is called with the owner's rights, and finds no types that the caller made.
create or replace function stage1_internal.make_example_changes()
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if to_regclass('pg_temp.example_changes') is not null then
    drop table pg_temp.example_changes;
  end if;
  create temporary table example_changes (
    source_id text collate "C" not null,
    example_id bigint,
    change text not null,
    input json,
    output json,
    metadata json,
    content_hash bytea
  ) on commit drop;
end;
$function$;

comment on function stage1_internal.make_example_changes() is
'Makes the temporary table of the changes that become a version.';
