-- Refuses a page that is out of range, for every function that lists: a limit is 1 to 10000, an offset 0 or more.
-- Raises: S1A02 argument invalid.
create or replace function public.check_page(
  p_limit int,
  p_offset int
)
  returns void
  language plpgsql
  immutable
  set search_path = ''
as $function$
begin
  if p_limit is null or p_limit not between 1 and 10000 then
    raise exception using errcode = 'S1A02',
      message = format('p_limit was %s; it is a number from 1 to 10000.', coalesce(p_limit::text, 'null')),
      hint = 'Read the rest page by page: with p_offset, or with what the last row says, whichever the function takes.';
  end if;
  if p_offset is null or p_offset < 0 then
    raise exception using errcode = 'S1A02',
      message = format('p_offset was %s; it is 0 or more.', coalesce(p_offset::text, 'null')),
      hint = 'The first page has p_offset 0.';
  end if;
end;
$function$;

comment on function public.check_page(int, int) is
'Refuses a limit outside 1 to 10000 and a negative offset.';
