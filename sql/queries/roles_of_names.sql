-- Which of the given roles the server has, and which of them this connection may act for: give objects to, and grant as.
select
  n.name as role_name,
  r.oid is not null as is_there,
  coalesce(
    case
      when pg_catalog.current_setting('server_version_num')::integer >= 160000
        then pg_catalog.pg_has_role(r.oid, 'set')
      else pg_catalog.pg_has_role(r.oid, 'member')
    end, false
  ) as may_act
from pg_catalog.unnest(%(names)s::text[]) as n (name)
left join pg_catalog.pg_roles as r on r.rolname = n.name
order by n.name;
