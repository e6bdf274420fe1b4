-- Refuses what a new version cannot have: metadata that are no object or too large, an idempotency key that does not fit.
-- A number such as 1e308 is stored in 12 bytes and read as 309 digits: a few megabytes of them make a list that nobody can read.
-- Security definer: it is called with the owner's rights, and finds no types that the caller made.
-- Raises: S1A02 argument invalid.
create or replace function stage1_internal.check_version_request(
  p_metadata jsonb,
  p_request_key text
)
  returns void
  language plpgsql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if jsonb_typeof(p_metadata) <> 'object' then
    raise exception using errcode = 'S1A02',
      message = format('p_metadata was a JSON %s; an object was expected.', jsonb_typeof(p_metadata)),
      hint = 'Pass an object such as {"commit": "1f0c2a"}, or null for none.';
  end if;
  if pg_column_size(p_metadata) > 8388608 or octet_length(p_metadata::text) > 1048576 then
    raise exception using errcode = 'S1A02',
      message = 'p_metadata is larger than 1048576 bytes as text, its numbers written out.',
      hint = 'Keep what is large elsewhere, and its place here.';
  end if;
  if octet_length(p_request_key) not between 1 and 255 then
    raise exception using errcode = 'S1A02',
      message = format('p_request_key was %s bytes long; 1 to 255 were expected.', octet_length(p_request_key)),
      hint = 'Pass a random text of its own for each request, or null.';
  end if;
end;
$function$;

comment on function stage1_internal.check_version_request(jsonb, text) is
'Refuses metadata that are no object or too large, and an idempotency key that is empty or too long.';
