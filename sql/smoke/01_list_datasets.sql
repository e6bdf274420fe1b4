-- SELECT * FROM fn_list_datasets(5, 0);
\set ON_ERROR_STOP on
\set QUIET on
begin isolation level repeatable read;
set local lock_timeout = '5s';
do $smoke$
declare
  v_rows bigint;
  v_expected bigint;
begin
  select count(*) into v_rows from public.fn_list_datasets(5, 0) as c where c.dataset_slug is not null;
  select least(5, count(*)) into v_expected from (select 1 from public.stage1_datasets limit 5) as d;
  if v_rows <> v_expected then
    raise exception 'fn_list_datasets(5, 0) gave % rows, expected %', v_rows, v_expected;
  end if;
  begin
    perform * from public.fn_list_datasets(0, 0);
    raise exception 'fn_list_datasets(0, 0) was accepted, expected a refusal with S1A02';
  exception
    when sqlstate 'S1A02' then null;
  end;
end;
$smoke$;
rollback;
\echo 'ok  fn_list_datasets(5, 0) gives the newest datasets; a limit of 0 is refused'
