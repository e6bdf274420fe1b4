-- Insert a dummy dataset via upsert_stage1_dataset(...), then confirm it appears alongside its slug and measurement names.
\set ON_ERROR_STOP on
\set QUIET on
begin isolation level repeatable read;
set local lock_timeout = '5s';
do $smoke$
declare
  v_id uuid := gen_random_uuid();
  v_slug text := 'smoke-' || v_id::text;
  v_row record;
begin
  perform public.upsert_stage1_dataset(
    v_id, v_slug, 'SMOKE', '1m', null, v_slug || '-ohlcv', v_slug || '-indicators', 10, 9,
    '2023-01-03 14:30Z', '2023-01-03 14:39Z', '2023-01-03 14:31Z', '2023-01-03 14:39Z', '{"smoke": true}'
  );
  select * into v_row from public.dataset_catalog as c where c.dataset_id = v_id;
  if (v_row.dataset_slug, v_row.ohlcv_measurement, v_row.indicator_measurement, v_row.ohlcv_row_count, v_row.run_count)
    is distinct from (v_slug, v_slug || '-ohlcv', v_slug || '-indicators', 10::bigint, 0::bigint) then
    raise exception 'dataset_catalog shows %, expected the dataset that was upserted', v_row;
  end if;
  -- On a database in use newer datasets may fill any first page: the page that starts at this row is asked for.
  if not exists (
    select 1 from public.fn_list_datasets_after(1, v_row.updated_at + interval '1 microsecond', v_id) as c where c.dataset_id = v_id
  ) then
    raise exception 'fn_list_datasets_after does not list dataset %, which was upserted', v_slug;
  end if;

  perform public.upsert_stage1_dataset(
    v_id, v_slug, 'SMOKE', '1m', null, v_slug || '-ohlcv', v_slug || '-indicators', 20, 19, null, null, null, null, '{"again": true}'
  );
  select * into v_row from public.stage1_datasets as d where d.dataset_id = v_id;
  if v_row.ohlcv_row_count <> 20 or v_row.metadata <> '{"smoke": true, "again": true}' then
    raise exception 'after a second upsert the dataset is %, expected 20 rows and merged metadata', v_row;
  end if;

  begin
    perform public.upsert_stage1_dataset(
      gen_random_uuid(), v_slug, null, null, null, '', '', null, null, null, null, null, null, null
    );
    raise exception 'a slug of another dataset was accepted, expected a refusal with S1C01';
  exception
    when sqlstate 'S1C01' then null;
  end;
end;
$smoke$;
rollback;
\echo 'ok  upsert_stage1_dataset: the dataset appears with its slug and measurements; metadata is merged; a taken slug is refused'
