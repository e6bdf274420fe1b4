-- The summaries of the symbols that the checks of bars look at, as one JSON document for record_validation.
-- To be asked in the snapshot of the checks: what they found right is what these rows say, not what is there later.
-- p_recount is what stage1.recount becomes for the rest of the transaction; volatile, since it sets that.
-- depends: symbols_to_recount
create or replace function stage1_internal.recounted_summaries(
  p_recount text
)
  returns jsonb
  language plpgsql
  set search_path = ''
as $function$
begin
  perform set_config('stage1.recount', coalesce(p_recount, ''), true);
  return (
    select jsonb_build_object('recounted_at', now(), 'summaries', coalesce(jsonb_agg(jsonb_build_object(
      'symbol', w.symbol, 'version', w.version, 'vendor', w.vendor, 'dataset', w.dataset, 'origin', w.origin,
      'bar_count', w.bar_count, 'first_ts', w.first_ts, 'last_ts', w.last_ts, 'latest_close', w.latest_close
    )), '[]'))
    from stage1_internal.symbols_to_recount as w
  );
end;
$function$;

comment on function stage1_internal.recounted_summaries(text) is
  'The summaries of the symbols that the checks of bars look at, as JSON.';
