-- The newest run of `stage1 validate` that asked every check, its age, and whether that is too old; no row where there was none.
-- The setting stage1.validation_max_age, 26 hours unless set, is the limit; `off` is none.
create or replace view stage1_internal.last_validation as
select
  r.id,
  r.started_at,
  round(extract(epoch from now() - r.started_at) / 3600, 1) as hours,
  r.error_count,
  r.warning_count,
  r.unanswered_count,
  coalesce(
    r.started_at < now() - nullif(coalesce(nullif(current_setting('stage1.validation_max_age', true), ''), '26 hours'), 'off')::interval,
    false
  ) as is_old
from stage1_internal.validation_runs as r
where r.is_complete
order by r.started_at desc, r.id desc
limit 1;

comment on view stage1_internal.last_validation is
'The newest run of `stage1 validate` that asked every check, its age, and whether that is too old.';
