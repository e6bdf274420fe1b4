-- Who may do what: the one place in which grants are decided, a view by subject. Each table of stage1 stands in one of them at
-- least once, so that this is also the list of our tables. stage1_owner owns everything and needs no line.
-- depends: role_matrix_of_catalog role_matrix_of_bars role_matrix_of_replay role_matrix_of_operations
-- depends: role_matrix_of_examples role_matrix_of_experiments role_matrix_of_access
create or replace view stage1_internal.role_matrix (role_name, privilege, object_kind, object_name) with (security_invoker = true) as
select
  r.role_name,
  p.privilege,
  m.object_kind,
  o.object_name
from (
  select v.* from stage1_internal.role_matrix_of_catalog as v
  union all
  select v.* from stage1_internal.role_matrix_of_bars as v
  union all
  select v.* from stage1_internal.role_matrix_of_replay as v
  union all
  select v.* from stage1_internal.role_matrix_of_operations as v
  union all
  select v.* from stage1_internal.role_matrix_of_examples as v
  union all
  select v.* from stage1_internal.role_matrix_of_experiments as v
  union all
  select v.* from stage1_internal.role_matrix_of_access as v
) as m
cross join lateral unnest(m.role_names) as r (role_name)
cross join lateral unnest(m.privileges) as p (privilege)
cross join lateral unnest(m.object_names) as o (object_name);

comment on view stage1_internal.role_matrix is
  'Who may do what: each role, privilege and object.';
