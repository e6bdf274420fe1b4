-- A placeholder stands for a dataset that runs name and nobody has described; upsert_stage1_dataset removes its mark.
create or replace view public.placeholder_datasets as
select
  'placeholder_datasets' as check_name,
  'warning' as severity,
  d.dataset_slug as subject,
  coalesce(d.metadata ->> 'placeholder_reason', 'the dataset is not described') || '; upsert it with upsert_stage1_dataset' as detail
from public.stage1_datasets as d
where d.metadata ? 'placeholder';

comment on view public.placeholder_datasets is
'Datasets that runs or simulations name and nobody has described.';
