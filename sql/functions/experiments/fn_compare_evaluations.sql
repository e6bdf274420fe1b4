-- Two experiments by what evaluators say of them, a row for each name: how many scores there are and their mean, and, of the examples
-- that both have with the same content, how the mean of an example's repetitions changed from the base to the other.
-- Scores are added in their order, so that equal ones give equal means. An example whose content differs is counted on each side,
-- and not paired: the versions between the two name the few whose content is compared.
-- plpgsql with custom plans, because the plan depends on the arguments; without nested loops of its own choice (`offset 0` is ours),
-- since of an experiment that is minutes old nobody has told the planner how many runs it has.
-- Raises: S1A01 argument missing, S1X01 experiment not found, S1X07 not comparable.
-- depends: find_compared_experiments
create or replace function public.fn_compare_evaluations(
  p_base uuid,
  p_other uuid
)
  returns table (
    name text,
    base_count bigint,
    base_mean double precision,
    other_count bigint,
    other_mean double precision,
    paired_count bigint,
    paired_delta_mean double precision,
    paired_delta_sd double precision,
    better bigint,
    worse bigint,
    equal bigint
  )
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_custom_plan
  set work_mem = '64MB'
  set enable_nestloop = off
  set jit = off
as $function$
declare
  v_compared record;
begin
  select f.* into strict v_compared from stage1_internal.find_compared_experiments(p_base, p_other) as f;
  return query
  with differing as (
    select t.example_id
    from (
      select distinct v.example_id
      from public.dataset_example_revisions as v
      where v.dataset_id = v_compared.dataset_id
        and v.from_sequence > least(v_compared.base_sequence, v_compared.other_sequence)
        and v.from_sequence <= greatest(v_compared.base_sequence, v_compared.other_sequence)
    ) as t
    where (
      select v.content_hash
      from public.dataset_example_revisions as v
      where v.example_id = t.example_id and v.from_sequence <= v_compared.base_sequence
      order by v.from_sequence desc
      limit 1
    ) is distinct from (
      select v.content_hash
      from public.dataset_example_revisions as v
      where v.example_id = t.example_id and v.from_sequence <= v_compared.other_sequence
      order by v.from_sequence desc
      limit 1
    )
  ), base as (
    select v.name, r.example_id, count(v.score) as scores, sum(v.score order by v.score) as total
    from public.experiment_runs as r
    cross join lateral (
      select e.name, e.score from public.experiment_evaluations as e where e.run_id = r.run_id
      offset 0
    ) as v
    where r.experiment_id = p_base
    group by v.name, r.example_id
  ), other as (
    select v.name, r.example_id, count(v.score) as scores, sum(v.score order by v.score) as total
    from public.experiment_runs as r
    cross join lateral (
      select e.name, e.score from public.experiment_evaluations as e where e.run_id = r.run_id
      offset 0
    ) as v
    where r.experiment_id = p_other
    group by v.name, r.example_id
  ), bases as (
    select b.name, sum(b.scores)::bigint as scores, sum(b.total order by b.total) / nullif(sum(b.scores), 0)::double precision as mean
    from base as b
    group by b.name
  ), others as (
    select o.name, sum(o.scores)::bigint as scores, sum(o.total order by o.total) / nullif(sum(o.scores), 0)::double precision as mean
    from other as o
    group by o.name
  ), paired as (
    select b.name, o.total / o.scores - b.total / b.scores as delta
    from base as b
    inner join other as o on o.name = b.name and o.example_id = b.example_id
    where b.scores > 0 and o.scores > 0
      and not exists (select 1 from differing as d where d.example_id = b.example_id)
  ), pairs as (
    select
      p.name, count(*) as pairs, avg(p.delta) as mean, stddev_samp(p.delta) as sd, count(*) filter (where p.delta > 0) as better,
      count(*) filter (where p.delta < 0) as worse, count(*) filter (where p.delta = 0) as equal
    from paired as p
    group by p.name
  )
  select
    n.name::text, coalesce(b.scores, 0), b.mean, coalesce(o.scores, 0), o.mean, coalesce(p.pairs, 0), p.mean, p.sd,
    coalesce(p.better, 0), coalesce(p.worse, 0), coalesce(p.equal, 0)
  from (select u.name from bases as u union select u.name from others as u) as n (name)
  left join bases as b on b.name = n.name
  left join others as o on o.name = n.name
  left join pairs as p on p.name = n.name
  order by n.name;
end;
$function$;

comment on function public.fn_compare_evaluations(uuid, uuid) is
'Two experiments by what evaluators say of them: counts and means of scores, and the change on examples of the same content.';
