-- Notes that a token was used, at most once a minute: two servers that see it at once write once.
-- Security definer: a server may not write to tokens otherwise.
-- Locks: the token's row. Raises: nothing.
create or replace function public.note_access_token_use(
  p_token_hash bytea
)
  returns void
  language sql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
  update stage1_internal.access_tokens as t
  set last_used_at = clock_timestamp()
  where t.token_hash = p_token_hash and (t.last_used_at is null or t.last_used_at < clock_timestamp() - interval '1 minute')
$function$;

comment on function public.note_access_token_use(bytea) is
'Notes that a token of the REST server was used, to the minute.';
