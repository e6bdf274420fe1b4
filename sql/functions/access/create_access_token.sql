-- Records a new token of the REST server by its sha256. The name is free once and for all: what a token wrote bears it.
-- Locks: the new row; a session that makes a token of the same name waits for this transaction's end.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1T04 token name taken.
-- depends: access_token_list
create or replace function stage1_internal.create_access_token(
  p_name       text,
  p_permission text,
  p_token_hash bytea,
  p_expires_at timestamptz default null
)
  returns setof stage1_internal.access_token_list
  language plpgsql
  set search_path = ''
as $function$
begin
  if p_name is null or btrim(p_name) = '' then
    raise exception using errcode = 'S1A01',
      message = format('p_name was %s; it is required.', case when p_name is null then 'null' else 'empty' end),
      hint = 'Pass the name of whoever will have the token.';
  end if;
  -- Who wrote a version is kept without blanks at its ends: ' desk' would be taken for desk.
  if octet_length(p_name) > 255 or p_name ~ '[[:cntrl:]]' or p_name <> btrim(p_name) then
    raise exception using errcode = 'S1A02',
      message = format('p_name was %s bytes long, held control characters, or had blanks at an end; at most 255 bytes were expected.',
        octet_length(p_name)),
      hint = 'Pass the name of whoever will have the token.';
  end if;
  if p_permission is null or p_permission not in ('read', 'write') then
    raise exception using errcode = 'S1A02',
      message = format('p_permission was %L; read or write was expected.', p_permission),
      hint = 'write includes read.';
  end if;
  if p_token_hash is null or octet_length(p_token_hash) <> 32 then
    raise exception using errcode = 'S1A02',
      message = 'p_token_hash was not the 32 bytes of a sha256.',
      hint = 'Pass the sha256 of the token, never the token.';
  end if;
  if p_expires_at <= clock_timestamp() then
    raise exception using errcode = 'S1A02',
      message = format('p_expires_at was %s, which is past.', p_expires_at),
      hint = 'Pass a time to come, or null for a token that does not expire.';
  end if;
  insert into stage1_internal.access_tokens (name, permission, token_hash, expires_at)
  values (p_name, p_permission, p_token_hash, p_expires_at)
  on conflict (name) do nothing;
  if not found then
    raise exception using errcode = 'S1T04',
      message = format('p_name was %L; there is, or was, a token of that name.', p_name),
      hint = 'Choose another name: what was written with a token bears its name.';
  end if;
  return query select l.* from stage1_internal.access_token_list as l where l.name = p_name;
end;
$function$;

comment on function stage1_internal.create_access_token(text, text, bytea, timestamptz) is
'Records a new token of the REST server by its sha256.';
