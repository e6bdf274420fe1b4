-- The id of the dataset that a text names: its dataset_id where the text is the id of a dataset, else its slug.
-- Raises: S1A01 argument missing, S1C02 dataset not found; the hint names up to three slugs that are near.
create or replace function public.fn_find_dataset(
  p_dataset text
)
  returns uuid
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_dataset_id uuid;
  v_near text;
begin
  if p_dataset is null or btrim(p_dataset) = '' then
    raise exception using errcode = 'S1A01',
      message = format('p_dataset was %s; a slug or a dataset_id was expected.', case when p_dataset is null then 'null' else 'empty' end),
      hint = 'select dataset_slug from fn_list_datasets() lists the slugs.';
  end if;
  if p_dataset ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select d.dataset_id into v_dataset_id from public.stage1_datasets as d where d.dataset_id = p_dataset::uuid;
  end if;
  if v_dataset_id is null then
    select d.dataset_id into v_dataset_id from public.stage1_datasets as d where d.dataset_slug = p_dataset;
  end if;
  if v_dataset_id is not null then
    return v_dataset_id;
  end if;

  -- Near: the same but for capitals, then the neighbours in the slugs' order that begin alike. All from the index.
  select string_agg(n.dataset_slug, ', ' order by n.place, n.dataset_slug) into v_near
  from (
    select distinct c.dataset_slug, (lower(c.dataset_slug) <> lower(p_dataset))::int as place
    from unnest(array[p_dataset, upper(p_dataset), lower(p_dataset)]) as t (spelling)
      cross join lateral (
        (select d.dataset_slug from public.stage1_datasets as d where d.dataset_slug >= t.spelling order by d.dataset_slug limit 2)
        union all
        (select d.dataset_slug from public.stage1_datasets as d where d.dataset_slug < t.spelling order by d.dataset_slug desc limit 2)
      ) as c
    where lower(left(c.dataset_slug, 3)) = lower(left(p_dataset, 3))
    order by place, c.dataset_slug
    limit 3
  ) as n;
  raise exception using errcode = 'S1C02',
    message = format('p_dataset was %L; there is no dataset of that slug or id.', p_dataset),
    hint = coalesce('Near it: ' || v_near, 'select dataset_slug from fn_list_datasets() lists the slugs.');
end;
$function$;

comment on function public.fn_find_dataset(text) is
'The dataset_id of the dataset that a slug or the text of an id names.';
