-- Ends a token of the REST server. Done again it changes nothing.
-- Locks: the token's row.
-- Raises: S1A01 argument missing, S1T03 token not found.
-- depends: access_token_list
create or replace function stage1_internal.revoke_access_token(
  p_name text
)
  returns setof stage1_internal.access_token_list
  language plpgsql
  set search_path = ''
as $function$
begin
  if p_name is null or btrim(p_name) = '' then
    raise exception using errcode = 'S1A01',
      message = format('p_name was %s; it is required.', case when p_name is null then 'null' else 'empty' end),
      hint = 'Pass the name of the token.';
  end if;
  update stage1_internal.access_tokens as t
  set revoked_at = coalesce(t.revoked_at, clock_timestamp())
  where t.name = p_name;
  if not found then
    raise exception using errcode = 'S1T03',
      message = format('p_name was %L; there is no token of that name.', p_name),
      hint = '`stage1 tokens list` shows the names.';
  end if;
  return query select l.* from stage1_internal.access_token_list as l where l.name = p_name;
end;
$function$;

comment on function stage1_internal.revoke_access_token(text) is
'Ends a token of the REST server.';
