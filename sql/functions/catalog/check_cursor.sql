-- Refuses half a cursor, for every function that lists by keyset: both values of the last row, or none.
-- Raises: S1A02 argument invalid.
create or replace function public.check_cursor(
  p_time_argument text,
  p_after_time timestamptz,
  p_id_argument text,
  p_after_id uuid
)
  returns void
  language plpgsql
  immutable
  set search_path = ''
as $function$
begin
  if (p_after_time is null) <> (p_after_id is null) then
    raise exception using errcode = 'S1A02',
      message = format('%s was null while %s was not; a cursor is both values of the last row, or none.',
        case when p_after_time is null then p_time_argument else p_id_argument end,
        case when p_after_time is null then p_id_argument else p_time_argument end),
      hint = 'Pass both values of the last row that was read, or neither for the first page.';
  end if;
end;
$function$;

comment on function public.check_cursor(text, timestamptz, text, uuid) is
'Refuses half a cursor: both values of the last row are needed, or neither.';
