-- Which bars the checks count again, by the setting stage1.recount; one row.
-- `all`: those of every symbol. `changed`, which `stage1 validate` sets: those of symbols that changed since they were last found
-- right, however many; all where nothing was ever found right, since one scan is cheaper then. Unset, for whoever looks in
-- between: those that changed, the last changed first, up to a million bars.
create or replace view stage1_internal.recount_scope as
select
  coalesce(current_setting('stage1.recount', true), '') = 'all'
  or (
    coalesce(current_setting('stage1.recount', true), '') = 'changed'
    and not exists (select 1 from stage1_internal.bar_recounts)
  ) as is_all,
  case when coalesce(current_setting('stage1.recount', true), '') = '' then 1000000 end as most_bars;

comment on view stage1_internal.recount_scope is
'Which bars the checks count again: those of all symbols, of the changed ones, or of these up to a number of bars.';
