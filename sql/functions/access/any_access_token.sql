-- Whether any token is in force: whoever asks the REST server then needs one, on a loopback address, too.
-- Security definer: a server need not see the hashes of all tokens to know.
-- Locks: none. Raises: nothing.
create or replace function public.any_access_token()
  returns boolean
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
  select exists (
    select 1
    from stage1_internal.access_tokens as t
    where t.revoked_at is null and (t.expires_at is null or t.expires_at > clock_timestamp())
  )
$function$;

comment on function public.any_access_token() is
'Whether any token of the REST server is in force.';
