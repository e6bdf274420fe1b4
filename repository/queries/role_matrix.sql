-- Who may do what, one line per role and object.
select
  m.role_name,
  m.object_kind,
  m.object_name,
  string_agg(m.privilege, ', ' order by m.privilege) as privileges
from stage1_internal.role_matrix as m
group by m.role_name, m.object_kind, m.object_name
order by m.role_name, m.object_kind, m.object_name;
