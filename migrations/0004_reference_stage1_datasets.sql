-- Makes indicator_datasets, walkforward_runs and simulation_runs reference stage1_datasets.
--
-- A run or simulation of a dataset that nobody knows is kept: its dataset becomes a placeholder, marked in metadata;
-- upsert_stage1_dataset removes the mark. Rows without a dataset_id stay as they are. A foreign key of before that
-- points at indicator_datasets is replaced, since a dataset need not have a row there any more. The keys are added
-- NOT VALID here, which reads no row, and validated by the next file.
--
-- Locks: share row exclusive on the four tables to the commit (reads go on, writes wait), taken before the first
-- placeholder is looked for. Duration: one pass over the runs' indexes, about 1 s a million rows.
-- depends: 0003_backfill_stage1_datasets

lock table public.indicator_datasets, public.walkforward_runs, public.simulation_runs, public.stage1_datasets
in share row exclusive mode;

do $placeholders$
declare
  v_row record;
  v_count bigint := 0;
  v_examples text[] := '{}';
begin
  for v_row in
    select c.dataset_id, sum(c.runs) as runs, sum(c.simulations) as simulations
    from (
      select r.dataset_id, count(*) as runs, 0 as simulations from public.walkforward_runs as r group by r.dataset_id
      union all
      select s.dataset_id, 0, count(*) from public.simulation_runs as s group by s.dataset_id
    ) as c
    where c.dataset_id is not null
      and not exists (select 1 from public.stage1_datasets as d where d.dataset_id = c.dataset_id)
    group by c.dataset_id
    order by c.dataset_id
  loop
    perform stage1_internal.insert_dataset_v1(
      v_row.dataset_id, null, null, null, 'placeholder', '', 0, null, null,
      jsonb_build_object(
        'placeholder', true,
        'placeholder_reason', format('%s runs and %s simulations named this dataset, which was unknown', v_row.runs, v_row.simulations)
      )
    );
    v_count := v_count + 1;
    if v_count <= 10 then
      v_examples := v_examples || v_row.dataset_id::text;
    end if;
  end loop;
  if v_count > 0 then
    raise warning 'stage1_datasets: placeholders made for datasets that runs or simulations name and nobody knows: % (%)',
      v_count, array_to_string(v_examples, ', ') || case when v_count > 10 then ', ...' else '' end;
  end if;
end;
$placeholders$;

do $keys$
declare
  v_key record;
  v_old record;
begin
  for v_key in
    select * from (values
      ('indicator_datasets', 'indicator_datasets_stage1_fk', ' on delete cascade'),
      ('walkforward_runs', 'walkforward_runs_dataset_fk', ''),
      ('simulation_runs', 'simulation_runs_dataset_fk', '')
    ) as k (child, name, action)
  loop
    for v_old in
      select c.conname, pg_get_constraintdef(c.oid) as definition
      from pg_catalog.pg_constraint as c
        join pg_catalog.pg_attribute as a on a.attrelid = c.conrelid and array[a.attnum] = c.conkey
      where c.conrelid = format('public.%I', v_key.child)::regclass
        and c.confrelid = 'public.indicator_datasets'::regclass
        and c.contype = 'f'
        and a.attname = 'dataset_id'
    loop
      execute format('alter table public.%I drop constraint %I', v_key.child, v_old.conname);
      raise warning 'public.%: % is replaced by %, which references stage1_datasets; it was: %',
        v_key.child, v_old.conname, v_key.name, v_old.definition;
    end loop;
    continue when exists (
      select 1
      from pg_catalog.pg_constraint as c
        join pg_catalog.pg_attribute as a on a.attrelid = c.conrelid and array[a.attnum] = c.conkey
        join pg_catalog.pg_attribute as b on b.attrelid = c.confrelid and array[b.attnum] = c.confkey
      where c.conrelid = format('public.%I', v_key.child)::regclass
        and c.confrelid = 'public.stage1_datasets'::regclass
        and c.contype = 'f'
        and a.attname = 'dataset_id'
        and b.attname = 'dataset_id'
    );
    execute format(
      'alter table public.%I add constraint %I foreign key (dataset_id) references public.stage1_datasets (dataset_id)%s not valid',
      v_key.child, v_key.name, v_key.action
    );
  end loop;
end;
$keys$;
