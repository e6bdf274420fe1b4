-- The tokens of the REST server as people may see them: without their hashes, and with what they are now.
create or replace view stage1_internal.access_token_list
  (name, permission, state, created_at, created_by, expires_at, revoked_at, last_used_at) with (security_invoker = true) as
select
  t.name,
  t.permission,
  case
    when t.revoked_at is not null then 'revoked'
    when t.expires_at <= now() then 'expired'
    else 'in force'
  end as state,
  t.created_at,
  t.created_by,
  t.expires_at,
  t.revoked_at,
  t.last_used_at
from stage1_internal.access_tokens as t;

comment on view stage1_internal.access_token_list is
'The tokens of the REST server, in force, expired and revoked; without their hashes.';
