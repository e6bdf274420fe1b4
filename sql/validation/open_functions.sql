-- What runs with the owner's rights must find its names where we put them, not in the tables of whoever calls it; and nothing of
-- ours is for everybody.
-- What was restored without owners and grants, as a verification does it, belongs to whoever restored it and is not looked at for
-- the latter; role_gaps tells of objects that were never handed to stage1_owner.
create or replace view public.open_functions as
select
  'open_functions' as check_name,
  'error' as severity,
  p.oid::regprocedure::text as subject,
  case
    when p.prosecdef and not coalesce(array_to_string(p.proconfig, ' ') like '%search_path=%', false)
      then format('it runs with the rights of its owner and in the search_path of its caller; '
        'alter routine %s set search_path = pg_catalog, pg_temp', p.oid::regprocedure)
    else format('everybody may execute it; revoke all on routine %s from public', p.oid::regprocedure)
  end as detail
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname in ('public', 'stage1_internal')
  and (
    (
      p.prosecdef and not coalesce(array_to_string(p.proconfig, ' ') like '%search_path=%', false)
      and (
        n.nspname = 'stage1_internal'
        or pg_catalog.pg_get_userbyid(p.proowner) = 'stage1_owner'
        or exists (
          select 1 from stage1_internal.deployed_objects as d where d.object_name = pg_catalog.format('%s.%s', n.nspname, p.proname)
        )
      )
    )
    or (
      pg_catalog.pg_get_userbyid(p.proowner) = 'stage1_owner'
      and exists (
        select 1
        from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as a
        where a.grantee = 0
      )
    )
  )
  and not exists (
    select 1
    from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
  );

comment on view public.open_functions is
'Functions of stage1 that everybody may execute, or that run with the rights of their owner in the search_path of their caller.';
