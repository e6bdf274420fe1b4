-- A spool file whose end is not finished: a statement without its semicolon, or a BEGIN without its COMMIT, in an append file that
-- nobody has gone on writing. Or a file that the run before last could not finish.
create or replace view public.spools_left_open as
select
  'spools_left_open' as check_name,
  'warning' as severity,
  s.identity as subject,
  format(
    '%s is replayed to byte %s and not to its end since %s; look at its end, then run `stage1 replay run`',
    s.name, s.position, f.started_at
  ) as detail
from stage1_internal.replay_spools as s
inner join stage1_internal.replay_runs as f on f.id = s.first_run_id
where not s.is_done and f.started_at < now() - interval '1 day';

comment on view public.spools_left_open is
'Spool files that were claimed more than a day ago and are not replayed to their end.';
