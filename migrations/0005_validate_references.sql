-- Validates the foreign keys that the file before added NOT VALID, and gathers statistics of the four tables.
--
-- Without statistics a list filtered by symbol walks all runs (0.6 s instead of 1 ms at a million runs) until
-- autovacuum comes by.
--
-- Locks: share update exclusive on the tables, row share on stage1_datasets.
-- Duration: about 2 s a million rows.
-- depends: 0004_reference_stage1_datasets

do $validate$
declare
  v_key record;
begin
  for v_key in
    select c.conrelid::regclass as child, c.conname
    from pg_catalog.pg_constraint as c
    where c.confrelid = 'public.stage1_datasets'::regclass
      and c.contype = 'f'
      and not c.convalidated
    order by c.conname
  loop
    execute format('alter table %s validate constraint %I', v_key.child, v_key.conname);
  end loop;
end;
$validate$;

analyze public.stage1_datasets, public.indicator_datasets, public.walkforward_runs, public.simulation_runs;
