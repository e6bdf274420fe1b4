-- Every spool file that the ledger knows, how far it was replayed, and whether statements of it were not applied; newest first.
create or replace function public.fn_list_replay_spools()
  returns table (
    spool text,
    file_name text,
    replayed_to bigint,
    is_done boolean,
    has_letters boolean,
    last_run_at timestamptz
  )
  language sql
  stable
  set search_path = ''
begin atomic
  select
    s.identity, s.name, s.position, s.is_done,
    exists (select 1 from stage1_internal.replay_statements as l where l.spool_id = s.id and l.status in ('waiting', 'dead')),
    r.started_at
  from stage1_internal.replay_spools as s
  inner join stage1_internal.replay_runs as r on r.id = s.last_run_id
  order by s.id desc;
end;

comment on function public.fn_list_replay_spools() is
'Every spool file that the ledger knows, and how far it was replayed.';
