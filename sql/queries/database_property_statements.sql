-- What gives a database the owner, the grants, the settings, the connection limit and the comment of another: a statement each,
-- in their order, or the name of the role that the server lacks for it. What is spared can be left out where it is refused. `settings` and `grants` are JSON as in a manifest; no grants: those of every new database.
-- A list of names (a search_path) is kept by PostgreSQL in quotes of its own: each of its names becomes a literal.
with wish as (
  select
    %(name)s::text as database_name, %(owner)s::text as owner_name,
    %(settings)s::jsonb as settings, %(grants)s::jsonb as grants,
    %(connection_limit)s::integer as connection_limit, %(comment)s::text as remark
), steps as (
  select
    1 as step, 0::bigint as place, w.owner_name as role_name,
    pg_catalog.format('alter database %%I owner to %%I', w.database_name, w.owner_name) as statement
  from wish as w
  where w.owner_name <> ''
  union all
  select
    2, 0, w.owner_name,
    pg_catalog.format('revoke all on database %%I from public', w.database_name)
      || coalesce(', ' || pg_catalog.quote_ident(nullif(w.owner_name, '')), '')
  from wish as w
  where w.grants <> 'null'::jsonb
  union all
  select
    3, g.place, g.grant_row ->> 'grantee',
    pg_catalog.format(
      'grant %%s on database %%I to %%s%%s', pg_catalog.lower(g.grant_row ->> 'privilege'), w.database_name,
      coalesce(pg_catalog.quote_ident(nullif(g.grant_row ->> 'grantee', '')), 'public'),
      case when (g.grant_row ->> 'grantable')::boolean then ' with grant option' end
    )
  from wish as w
  cross join lateral pg_catalog.jsonb_array_elements(nullif(w.grants, 'null'::jsonb)) with ordinality as g (grant_row, place)
  where g.grant_row ->> 'privilege' in ('CREATE', 'CONNECT', 'TEMPORARY')
  union all
  select
    4, s.place, s.setting ->> 'role',
    pg_catalog.format(
      'alter %%s %%sset %%I to %%s',
      case s.setting ->> 'role' when '' then 'database' else 'role' end,
      case s.setting ->> 'role'
        when '' then pg_catalog.format('%%I ', w.database_name)
        else pg_catalog.format('%%I in database %%I ', s.setting ->> 'role', w.database_name)
      end,
      s.setting ->> 'name',
      case
        when pg_catalog.lower(s.setting ->> 'name') in (
          'local_preload_libraries', 'search_path', 'session_preload_libraries', 'temp_tablespaces', 'unix_socket_directories'
        ) then coalesce(
          (
            select pg_catalog.string_agg(
                pg_catalog.quote_literal(coalesce(pg_catalog.replace(m.found[1], '""', '"'), m.found[2])), ', ' order by m.place
              )
            from pg_catalog.regexp_matches(s.setting ->> 'value', '"((?:[^"]|"")*)"|([^",\s]+)', 'g') with ordinality
              as m (found, place)
          ), ''''''
        )
        else pg_catalog.quote_literal(s.setting ->> 'value')
      end
    )
  from wish as w
  cross join lateral pg_catalog.jsonb_array_elements(w.settings) with ordinality as s (setting, place)
  union all
  select 5, 0, '', pg_catalog.format('alter database %%I connection limit %%s', w.database_name, w.connection_limit)
  from wish as w
  where w.connection_limit >= 0
  union all
  select 6, 0, '', pg_catalog.format('comment on database %%I is %%L', w.database_name, w.remark)
  from wish as w
  where w.remark <> ''
)
select
  s.step > 3 as is_spared,
  case when r.oid is not null or coalesce(s.role_name, '') = '' then s.statement end as statement,
  case when r.oid is null then nullif(s.role_name, '') end as missing_role
from steps as s
left join pg_catalog.pg_roles as r on r.rolname = s.role_name
order by s.step, s.place;
