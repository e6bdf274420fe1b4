-- One row: the last run of the replay, the last that was done, and what waits.
create or replace function public.fn_replay_status()
  returns table (
    last_run_id bigint,
    last_started_at timestamptz,
    last_outcome text,
    last_error text,
    last_done_at timestamptz,
    applied_count bigint,
    waiting_count bigint,
    dead_count bigint,
    open_spool_count bigint
  )
  language sql
  stable
  set search_path = ''
begin atomic
  with counted as (
    select
      count(*) filter (where l.status = 'waiting') as waiting_count,
      count(*) filter (where l.status = 'dead') as dead_count
    from stage1_internal.replay_statements as l
    where l.status in ('waiting', 'dead')
  ), opened as (
    select count(*) as spool_count from stage1_internal.replay_spools as s where not s.is_done
  ), done as (
    select max(r.finished_at) as finished_at from stage1_internal.replay_runs as r where r.outcome = 'done' and r.kind = 'spool'
  ), newest as (
    select r.* from stage1_internal.replay_runs as r order by r.id desc limit 1
  )
  select
    n.id, n.started_at, n.outcome, n.error, d.finished_at, n.applied_count, c.waiting_count, c.dead_count, o.spool_count
  from counted as c
  cross join opened as o
  cross join done as d
  left join newest as n on true;
end;

comment on function public.fn_replay_status() is
'One row: the last run of the replay, the last that was done, and what waits.';
