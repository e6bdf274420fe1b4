-- A function, view or check that is gone or was edited by hand does something else than its file in sql/ says.
-- depends: drifting_objects
create or replace view public.drifted_objects as
select
  'drifted_objects' as check_name,
  'error' as severity,
  o.object_name as subject,
  format('it %s; run `stage1 migrate`: it keeps the old text and deploys the file', o.problem) as detail
from stage1_internal.drifting_objects() as o;

comment on view public.drifted_objects is
'Deployed functions, views and checks that are gone or were edited by hand.';
