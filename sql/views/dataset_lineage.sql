-- The lineage of every dataset, one row for each thing in it, and each with what it came from: the vendor's files, the
-- manifest of the bars that were derived from them, the ingest that loaded these bars, the dataset, its versions, the runs that
-- used it, and their simulations. A dataset without a manifest begins with itself; one of examples has versions and experiments.
-- Each branch is reached by an index where dataset_id is given; fn_trace_dataset orders the rows.
-- A simulation of a known run stands under that run's dataset; one of an unknown run under its own.
create or replace view public.dataset_lineage as
select
  m.dataset_id,
  d.dataset_slug,
  1 as step,
  'vendor file' as kind,
  f.path as name,
  m.vendor_dataset as came_from,
  format('of %s, %s until %s', m.symbol, m.from_date, m.to_date) as detail,
  null::timestamptz as happened_at,
  null::bigint as ingest_id,
  null::uuid as run_id,
  null::uuid as simulation_id,
  null::uuid as version_id,
  null::uuid as experiment_id
from public.dataset_manifests as m
inner join public.stage1_datasets as d on d.dataset_id = m.dataset_id
cross join lateral jsonb_array_elements_text(m.raw_dbn) as f (path)
union all
select
  m.dataset_id,
  d.dataset_slug,
  2 as step,
  'manifest' as kind,
  m.bars_manifest_path as name,
  (
    select string_agg(f.path, ', ' order by f.place) from jsonb_array_elements_text(m.raw_dbn) with ordinality as f (path, place)
  ) as came_from,
  format('%s, %s bars of %s, sha256 %s', m.status, m.bar_count,
    (select string_agg(f.name, ' and ' order by f.place) from jsonb_array_elements_text(m.products) with ordinality as f (name, place)),
    left(m.bars_manifest_sha256, 12)) as detail,
  m.generated_at as happened_at,
  m.ingest_id,
  null::uuid as run_id,
  null::uuid as simulation_id,
  null::uuid as version_id,
  null::uuid as experiment_id
from public.dataset_manifests as m
inner join public.stage1_datasets as d on d.dataset_id = m.dataset_id
union all
select
  m.dataset_id,
  d.dataset_slug,
  3 as step,
  'ingest' as kind,
  format('ingest %s', r.id) as name,
  m.bars_manifest_path as came_from,
  format('%s of %s %s: %s rows', case
    when r.undone_at is not null then 'undone'
    when r.repeats_ingest_id is not null then format('repeats ingest %s', r.repeats_ingest_id)
    else r.status end, r.vendor, r.dataset, r.row_count) as detail,
  coalesce(r.finished_at, r.started_at) as happened_at,
  r.id as ingest_id,
  null::uuid as run_id,
  null::uuid as simulation_id,
  null::uuid as version_id,
  null::uuid as experiment_id
from public.dataset_manifests as m
inner join public.stage1_datasets as d on d.dataset_id = m.dataset_id
inner join public.data_ingest_runs as r on r.id = m.ingest_id
union all
select
  d.dataset_id,
  d.dataset_slug,
  4 as step,
  'dataset' as kind,
  d.dataset_slug as name,
  coalesce('ingest ' || m.ingest_id::text, m.bars_manifest_path, d.source) as came_from,
  concat_ws(', ', d.kind, nullif(d.symbol, ''), nullif(d.ohlcv_measurement, ''), nullif(d.indicator_measurement, '')) as detail,
  d.created_at as happened_at,
  m.ingest_id,
  null::uuid as run_id,
  null::uuid as simulation_id,
  null::uuid as version_id,
  null::uuid as experiment_id
from public.stage1_datasets as d
left join public.dataset_manifests as m on m.dataset_id = d.dataset_id
union all
select
  v.dataset_id,
  d.dataset_slug,
  5 as step,
  'version' as kind,
  format('version %s', v.sequence) as name,
  case
    when v.restored_from is not null
      then format('version %s', (select b.sequence from public.dataset_versions as b where b.version_id = v.restored_from))
    when v.sequence = 1 then d.dataset_slug
    else format('version %s', v.sequence - 1)
  end as came_from,
  format('%s by %s, %s examples: %s new, %s changed, %s deleted, %s restored', v.origin, v.created_by, v.example_count, v.new_count,
    v.changed_count, v.deleted_count, v.restored_count) as detail,
  v.created_at as happened_at,
  null::bigint as ingest_id,
  null::uuid as run_id,
  null::uuid as simulation_id,
  v.version_id,
  null::uuid as experiment_id
from public.dataset_versions as v
inner join public.stage1_datasets as d on d.dataset_id = v.dataset_id
union all
select
  e.dataset_id,
  d.dataset_slug,
  6 as step,
  'experiment' as kind,
  e.experiment_id::text as name,
  format('version %s', v.sequence) as came_from,
  concat_ws(', ', e.name, format('%s of each example, by %s', case e.repetitions when 1 then '1 run' else e.repetitions || ' runs' end,
    e.created_by)) as detail,
  e.created_at as happened_at,
  null::bigint as ingest_id,
  null::uuid as run_id,
  null::uuid as simulation_id,
  e.version_id,
  e.experiment_id
from public.experiments as e
inner join public.stage1_datasets as d on d.dataset_id = e.dataset_id
inner join public.dataset_versions as v on v.version_id = e.version_id
union all
select
  r.dataset_id,
  d.dataset_slug,
  7 as step,
  'run' as kind,
  r.run_id::text as name,
  d.dataset_slug as came_from,
  concat_ws(', ', nullif(r.prediction_measurement, ''), nullif(r.status, '')) as detail,
  r.created_at as happened_at,
  null::bigint as ingest_id,
  r.run_id,
  null::uuid as simulation_id,
  null::uuid as version_id,
  null::uuid as experiment_id
from public.walkforward_runs as r
left join public.stage1_datasets as d on d.dataset_id = r.dataset_id
union all
select
  r.dataset_id,
  d.dataset_slug,
  8 as step,
  'simulation' as kind,
  s.simulation_id::text as name,
  r.run_id::text as came_from,
  concat_ws(', ', nullif(s.questdb_namespace, ''), nullif(s.status, '')) as detail,
  s.created_at as happened_at,
  null::bigint as ingest_id,
  r.run_id,
  s.simulation_id,
  null::uuid as version_id,
  null::uuid as experiment_id
from public.walkforward_runs as r
inner join public.simulation_runs as s on s.run_id = r.run_id
left join public.stage1_datasets as d on d.dataset_id = r.dataset_id
union all
select
  s.dataset_id,
  d.dataset_slug,
  8 as step,
  'simulation' as kind,
  s.simulation_id::text as name,
  coalesce(s.run_id::text, d.dataset_slug) as came_from,
  concat_ws(', ', nullif(s.questdb_namespace, ''), nullif(s.status, '')) as detail,
  s.created_at as happened_at,
  null::bigint as ingest_id,
  s.run_id,
  s.simulation_id,
  null::uuid as version_id,
  null::uuid as experiment_id
from public.simulation_runs as s
left join public.stage1_datasets as d on d.dataset_id = s.dataset_id
where not exists (select 1 from public.walkforward_runs as r where r.run_id = s.run_id);

comment on view public.dataset_lineage is
'What came from what: vendor files, manifest, ingest, dataset, versions, experiments, runs and simulations, one row each, by step.';
