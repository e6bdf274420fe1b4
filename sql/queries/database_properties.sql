-- What `create database` needs to make a database anew, and what a dump of it does not hold. It is read from outside: nobody may be
-- able to connect to the database any more.
-- The columns of pg_database that only some versions have are read as JSON.
select
  pg_catalog.pg_get_userbyid(d.datdba)::text as owner,
  pg_catalog.pg_encoding_to_char(d.encoding)::text as encoding,
  d.datcollate::text as collate,
  d.datctype::text as ctype,
  d.datlocprovider::text as locale_provider,
  coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale', '') as locale,
  coalesce(pg_catalog.to_jsonb(d) ->> 'daticurules', '') as icu_rules,
  -- A drop that was interrupted leaves -2.
  greatest(d.datconnlimit, -1) as connection_limit,
  coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), '') as comment,
  (select t.spcname::text from pg_catalog.pg_tablespace as t where t.oid = d.dattablespace) as tablespace,
  (
    select coalesce(
      pg_catalog.json_agg(
        pg_catalog.json_build_object(
          'role', case when s.setrole = 0 then '' else pg_catalog.pg_get_userbyid(s.setrole) end,
          'name', pg_catalog.split_part(c.setting, '=', 1),
          'value', pg_catalog.substr(c.setting, pg_catalog.strpos(c.setting, '=') + 1)
        )
        order by s.setrole, c.position
      ),
      '[]'
    )
    from pg_catalog.pg_db_role_setting as s
    cross join lateral pg_catalog.unnest(s.setconfig) with ordinality as c (setting, position)
    where s.setdatabase = d.oid
  ) as settings,
  (
    select pg_catalog.json_agg(
      pg_catalog.json_build_object(
        'grantee', case when a.grantee = 0 then '' else pg_catalog.pg_get_userbyid(a.grantee) end,
        'privilege', a.privilege_type,
        'grantable', a.is_grantable
      )
      order by a.grantee, a.privilege_type
    )
    from pg_catalog.aclexplode(d.datacl) as a
  ) as grants
from pg_catalog.pg_database as d
where d.datname = %(name)s;
