-- Which examples differ between two versions of a dataset, with both of their revisions; in any order.
-- Only what was revised between the two is looked at, in either direction: p_base may be the later one.
create or replace function stage1_internal.version_differences(
  p_dataset_id uuid,
  p_base bigint,
  p_other bigint
)
  returns table (
    example_id bigint,
    base_hash bytea,
    other_hash bytea,
    base_sequence bigint,
    other_sequence bigint
  )
  language sql
  stable
begin atomic
  select
    c.example_id,
    b.content_hash as base_hash,
    o.content_hash as other_hash,
    case when b.content_hash is not null then b.from_sequence end as base_sequence,
    case when o.content_hash is not null then o.from_sequence end as other_sequence
  from (
    select distinct r.example_id
    from public.dataset_example_revisions as r
    where r.dataset_id = p_dataset_id and r.from_sequence > least(p_base, p_other) and r.from_sequence <= greatest(p_base, p_other)
  ) as c
  left join lateral (
    select s.content_hash, s.from_sequence
    from public.dataset_example_revisions as s
    where s.example_id = c.example_id and s.from_sequence <= p_base
    order by s.from_sequence desc
    limit 1
  ) as b on true
  left join lateral (
    select s.content_hash, s.from_sequence
    from public.dataset_example_revisions as s
    where s.example_id = c.example_id and s.from_sequence <= p_other
    order by s.from_sequence desc
    limit 1
  ) as o on true
  where b.content_hash is distinct from o.content_hash;
end;

comment on function stage1_internal.version_differences(uuid, bigint, bigint) is
'Which examples differ between two versions of a dataset, with the hash and the sequence of both revisions.';
