-- Takes the advisory lock of the given key for this transaction, or says that another session has it. Such a lock is of one
-- database: who came by another one is found among all locks of the server.
with lock_key as (
  select %(key)s::bigint as value
)
select
  pg_catalog.pg_try_advisory_xact_lock(k.value)
  and not exists (
    select 1
    from pg_catalog.pg_locks as l
    where l.locktype = 'advisory'
      and l.granted
      and l.objsubid = 1
      and ((l.classid::bigint << 32) | l.objid::bigint) = k.value
      and l.pid <> pg_catalog.pg_backend_pid()
  ) as locked
from lock_key as k;
