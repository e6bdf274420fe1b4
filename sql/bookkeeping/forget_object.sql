-- Removes an object from the ledger after it was dropped.
-- depends: deployed_objects
create or replace function stage1_internal.forget_object(
  p_object_name text
)
  returns void
  language sql
  set search_path = ''
as $function$
  delete from stage1_internal.deployed_objects as d where d.object_name = p_object_name
$function$;

comment on function stage1_internal.forget_object(text) is
  'Removes an object from the ledger of deployed objects.';
