-- Keeps the answer of a request with an idempotency key that changed nothing, and forgets those of the dataset of 30 days ago.
-- Locks: none beyond the rows that it writes; the caller holds the dataset's row.
-- Security definer: it is called with the owner's rights, and finds no types that the caller made.
create or replace function stage1_internal.remember_request(
  p_dataset_id uuid,
  p_request_key text,
  p_version_id uuid,
  p_unchanged_count bigint
)
  returns void
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
begin
  delete from stage1_internal.dataset_requests as r
  where r.dataset_id = p_dataset_id and r.answered_at < now() - interval '30 days';
  insert into stage1_internal.dataset_requests (dataset_id, request_key, version_id, unchanged_count)
  values (p_dataset_id, p_request_key, p_version_id, p_unchanged_count);
end;
$function$;

comment on function stage1_internal.remember_request(uuid, text, uuid, bigint) is
'Keeps the answer of a request that changed nothing, for the case that it is sent again.';
