-- Attempt to insert a walkforward run with a bogus dataset_id (should fail).
\set ON_ERROR_STOP on
\set QUIET on
begin isolation level repeatable read;
set local lock_timeout = '5s';
do $smoke$
declare
  v_id uuid := gen_random_uuid();
begin
  begin
    insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement) values (v_id, v_id, 'smoke');
    raise exception 'a walk-forward run of an unknown dataset was accepted';
  exception
    when foreign_key_violation then null;
  end;
  begin
    insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace) values (v_id, v_id, v_id, 'smoke');
    raise exception 'a simulation of an unknown dataset was accepted';
  exception
    when foreign_key_violation then null;
  end;
end;
$smoke$;
rollback;
\echo 'ok  a run and a simulation of an unknown dataset are refused'
