-- A statement of an offline client whose parent row is missing is tried again by every replay, and is a dead letter in the end.
create or replace view public.statements_waiting as
select
  'statements_waiting' as check_name,
  'warning' as severity,
  s.identity as subject,
  format(
    '%s statements of %s wait since %s for what they refer to, the first at byte %s: %s',
    count(*), s.name, min(l.first_tried_at), min(l.position), left((array_agg(l.reason order by l.position))[1], 300)
  ) as detail
from stage1_internal.replay_statements as l
inner join stage1_internal.replay_spools as s on s.id = l.spool_id
where l.status = 'waiting'
group by s.id, s.identity, s.name;

comment on view public.statements_waiting is
'Statements of offline clients that wait for a row that they refer to.';
