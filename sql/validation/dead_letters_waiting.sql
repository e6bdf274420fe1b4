-- A dead letter is a statement of an offline client that was not applied and never will be without somebody; one row a spool file.
create or replace view public.dead_letters_waiting as
select
  'dead_letters_waiting' as check_name,
  'error' as severity,
  s.identity as subject,
  format(
    '%s statements of %s are dead letters, the first at byte %s: %s'
    || '; `stage1 replay status` lists them, `replay retry` tries them again, `replay purge --letters` takes note of them',
    count(*), s.name, min(l.position), left((array_agg(l.reason order by l.position))[1], 300)
  ) as detail
from stage1_internal.replay_statements as l
inner join stage1_internal.replay_spools as s on s.id = l.spool_id
where l.status = 'dead'
group by s.id, s.identity, s.name;

comment on view public.dead_letters_waiting is
'Statements of offline clients that were not applied, and that somebody has to look at.';
