-- The token of a sha256, where it is in force; no row otherwise. Asked by the REST server, whatever its role may read.
-- Security definer: a server need not see the hashes of all tokens to find one.
-- Locks: none. Raises: nothing.
create or replace function public.check_access_token(
  p_token_hash bytea
)
  returns table (name text, permission text, expires_at timestamptz)
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
  select t.name, t.permission, t.expires_at
  from stage1_internal.access_tokens as t
  where t.token_hash = p_token_hash and t.revoked_at is null and (t.expires_at is null or t.expires_at > clock_timestamp())
$function$;

comment on function public.check_access_token(bytea) is
'The token of a sha256, where it is in force.';
