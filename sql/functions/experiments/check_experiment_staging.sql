-- Refuses where this transaction has no staging table of that name which a staging function of ours made: what the caller
-- made under its name could run code of the caller with the owner's rights. Returns nothing.
-- Definer functions call it: types that their caller made in pg_temp are found last.
-- Raises: S1A01 argument missing.
create or replace function stage1_internal.check_experiment_staging(
  p_table text
)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $function$
begin
  if not exists (
    select 1
    from pg_catalog.pg_class as c
    where c.relnamespace = pg_my_temp_schema() and c.relkind = 'r' and c.relname = p_table
      and pg_get_userbyid(c.relowner) = current_user
  ) then
    raise exception using errcode = 'S1A01',
      message = format('Nothing is staged in this transaction: there is no table %s that stage1 made.', p_table),
      hint = 'Call stage1_internal.stage_experiment_runs() or stage_experiment_evaluations() first, and fill it by COPY.';
  end if;
end;
$function$;

comment on function stage1_internal.check_experiment_staging(text) is
'Refuses where this transaction has no staging table of that name that stage1 made.';
