-- Refuses where the latest version of a dataset is another than the expected one. Null expects nothing.
-- Security definer: it is called with the owner's rights, and finds no types that the caller made.
-- Raises: S1E02 version conflict; its detail ends in the id of the latest version.
create or replace function stage1_internal.check_expected_version(
  p_dataset_id uuid,
  p_expected_version_id uuid
)
  returns void
  language plpgsql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_latest uuid;
begin
  if p_expected_version_id is null then
    return;
  end if;
  select v.version_id into v_latest
  from public.dataset_versions as v
  where v.dataset_id = p_dataset_id
  order by v.sequence desc
  limit 1;
  if v_latest is distinct from p_expected_version_id then
    raise exception using errcode = 'S1E02',
      message = format('p_expected_version_id was %s, which is not the latest version of the dataset.', p_expected_version_id),
      detail = case when v_latest is null then 'There is no version yet.' else format('The latest version is %s.', v_latest) end,
      hint = 'Look at what changed since, with fn_diff_dataset_versions, and repeat it with the latest version.';
  end if;
end;
$function$;

comment on function stage1_internal.check_expected_version(uuid, uuid) is
'Refuses where the latest version of a dataset is another than the expected one.';
