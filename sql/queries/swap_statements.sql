-- Gives the scratch database its name, and the database that has it now (if one has) the name under which it is kept: all of
-- it in one transaction. The ways back are for people: to undo the swap, and to give the old database up.
-- With `disconnect` the sessions of others are ended in the same statement: a rename locks the database against those that
-- connect anew, and one that comes between the two is ended by the next attempt. A failed attempt takes 5 seconds.
with names as (
  select
    %(name)s::text as wanted, %(scratch)s::text as scratch, %(kept)s::text as kept, %(set_aside)s::text as set_aside,
    %(replaces)s::boolean as replaces, %(disconnect)s::boolean as disconnect
), renames as (
  select
    n.*,
    pg_catalog.format('alter database %%I rename to %%I', n.wanted, n.kept) as keeping,
    pg_catalog.format('alter database %%I rename to %%I', n.scratch, n.wanted) as placing
  from names as n
)
select v.purpose, v.statement
from renames as r
cross join lateral (
  values
  (1, 'swap', case when r.replaces and r.disconnect then pg_catalog.format('do %%L', pg_catalog.format(
    $block$
begin
  for attempt in 1..6 loop
    perform pg_catalog.pg_terminate_backend(a.pid)
    from pg_catalog.pg_stat_activity as a
    where a.datname = %%L and a.pid <> pg_catalog.pg_backend_pid() and a.backend_type not like 'autovacuum%%%%';
    begin
      %%s;
      exit;
    exception when object_in_use or lock_not_available then
      if attempt = 6 then
        raise;
      end if;
      -- Within one transaction the list of sessions is otherwise the one that was read first.
      perform pg_catalog.pg_stat_clear_snapshot();
    end;
  end loop;
end
$block$, r.wanted, r.keeping)) end),
  (2, 'swap', case when r.replaces and not r.disconnect then r.keeping end),
  (3, 'swap', r.placing),
  (4, 'drop', case when r.replaces then pg_catalog.format('drop database %%I', r.kept) end),
  (5, 'swap back', case when r.replaces then 'begin' end),
  (6, 'swap back', case when r.replaces then pg_catalog.format('alter database %%I rename to %%I', r.wanted, r.set_aside) end),
  (7, 'swap back', case when r.replaces then pg_catalog.format('alter database %%I rename to %%I', r.kept, r.wanted) end),
  (8, 'swap back', case when r.replaces then 'commit' end),
  (9, 'put in place', 'begin'),
  (10, 'put in place', case when r.replaces then r.keeping end),
  (11, 'put in place', r.placing),
  (12, 'put in place', 'commit')
) as v (place, purpose, statement)
where v.statement is not null
order by v.place;
