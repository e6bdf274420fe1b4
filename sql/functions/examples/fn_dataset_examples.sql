-- The examples of a version of a dataset, in the order of their source ids: the page after one of them, or all (p_limit null).
-- Each example is one step backwards in its revisions. The body is parsed here, at its creation, and pins no search_path, so that
-- the planner can put it in place of the call: a cursor over all of them gets its first rows at once, nothing is gathered or
-- sorted, and on PostgreSQL 15, too, the plan knows the limit. Subqueries give dataset and version once, before anything is read.
-- The dataset is a range of one: PostgreSQL takes an unknown one for one of average size, and gathers and sorts a large one
-- whole; of a range it expects a ninth of the table, and walks the index. No source id is empty.
-- Raises: of the version S1A02, S1E01, S1E07; of the dataset S1A01, S1C02.
-- depends: version_sequence fn_find_dataset
create or replace function public.fn_dataset_examples(
  p_dataset text,
  p_version text default 'latest',
  p_limit int default 100,
  p_after_source_id text default null
)
  returns table (
    source_id text,
    input json,
    output json,
    metadata json,
    content_hash text,
    since_sequence bigint
  )
  language sql
  stable
begin atomic
  select
    e.source_id,
    r.input,
    r.output,
    r.metadata,
    encode(r.content_hash, 'hex'),
    r.from_sequence
  from public.dataset_examples as e
  cross join lateral (
    select s.kind, s.input, s.output, s.metadata, s.content_hash, s.from_sequence
    from public.dataset_example_revisions as s
    where s.example_id = e.example_id and s.from_sequence <= (select stage1_internal.version_sequence(p_dataset, p_version))
    order by s.from_sequence desc
    limit 1
  ) as r
  where (e.dataset_id, e.source_id) > ((select public.fn_find_dataset(p_dataset)), (select coalesce(p_after_source_id, '')))
    and e.dataset_id <= (select public.fn_find_dataset(p_dataset))
    and (select stage1_internal.version_sequence(p_dataset, p_version)) is not null
    and r.kind <> 'DELETE'
  order by e.dataset_id, e.source_id
  limit p_limit;
end;

comment on function public.fn_dataset_examples(text, text, int, text) is
'The examples of a version of a dataset, by source id: the page after one of them, or all of them.';
