"""What cannot be adopted is refused with a list, and leaves the database as it was."""

from tests.integration.adoption.deployments import NEW, dumped, execute, migrate

# --- what cannot be adopted is refused, and nothing is changed ---------------------------------------------------


def refused(database, run_cli, sqlstate_sentence):
    before = dumped(database)
    done = migrate(run_cli, database)
    assert done.exit_code == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert sqlstate_sentence in done.stderr
    assert dumped(database) == before
    return done.stderr


def test_repeated_rows_stop_the_migration_with_their_list(old_deployment, run_cli):
    execute(
        old_deployment,
        """
        insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement)
        values ('20000000-0000-4000-8000-0000000000f1', '10000000-0000-4000-8000-000000000001', 'pred_aapl_a');
        insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement)
        values ('20000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'again');
        insert into public.simulation_runs (simulation_id, run_id, questdb_namespace)
        values ('30000000-0000-4000-8000-0000000000f1', '20000000-0000-4000-8000-000000000001', 'sim_a');
        """,
    )
    said = refused(old_deployment, run_cli, "Rows are repeated that a unique constraint forbids; nothing was changed.")
    assert "(dataset_id, prediction_measurement) = (10000000-0000-4000-8000-000000000001,pred_aapl_a): 2 rows" in said
    assert "walkforward_runs (run_id) = (20000000-0000-4000-8000-000000000001): 2 rows" in said
    assert "(run_id, questdb_namespace) = (20000000-0000-4000-8000-000000000001,sim_a): 2 rows" in said


def test_a_long_list_of_repeated_rows_is_cut_with_its_length(old_deployment, run_cli):
    execute(
        old_deployment,
        "insert into public.simulation_runs (simulation_id, run_id, questdb_namespace)"
        f" select gen_random_uuid(), '{NEW}', 'n' || g % 30 from generate_series(1, 60) as g",
    )
    assert "simulation_runs (run_id, questdb_namespace): and 10 more" in refused(old_deployment, run_cli, "Rows are repeated")


def test_columns_of_other_types_stop_the_migration_with_all_of_them_and_the_statements_to_run(old_deployment, run_cli):
    execute(
        old_deployment,
        """
        drop view public.dataset_hierarchy;
        alter table public.indicator_datasets alter column first_bar_ts type timestamp;
        alter table public.simulation_runs alter column serialized_config type jsonb using serialized_config::jsonb;
        alter table public.walkforward_runs alter column dataset_id type text;
        """,
    )
    said = refused(old_deployment, run_cli, "Existing tables are not what stage1 needs; nothing was changed.")
    assert "indicator_datasets.first_bar_ts is timestamp without time zone, expected timestamp with time zone" in said
    assert "simulation_runs.serialized_config is jsonb, expected text" in said
    assert "walkforward_runs.dataset_id is text, expected uuid" in said
    statements = [line.strip() for line in said.splitlines() if line.strip().startswith("alter table")]
    assert len(statements) == 3
    execute(old_deployment, "".join(statements).replace("—", ""))
    assert migrate(run_cli, old_deployment).exit_code == 0


def test_a_view_of_our_table_s_name_is_refused(empty_database, run_cli):
    execute(empty_database, "create view public.walkforward_runs as select 1 as run_id")
    assert "walkforward_runs is a view, expected an ordinary table" in refused(
        empty_database, run_cli, "are not what stage1 needs"
    )


def test_a_view_of_theirs_on_a_column_that_must_be_widened_is_named(old_deployment, run_cli):
    execute(old_deployment, "create view public.symbols as select distinct symbol from public.indicator_datasets")
    said = refused(old_deployment, run_cli, "are not what stage1 needs")
    assert "indicator_datasets.symbol is character varying(32), expected text" in said and "public.symbols" in said


def test_rows_without_an_id_are_refused(old_deployment, run_cli):
    execute(
        old_deployment,
        "alter table public.indicator_datasets drop constraint indicator_datasets_pkey;"
        "alter table public.indicator_datasets alter column dataset_id drop not null;"
        "insert into public.indicator_datasets (dataset_id) values (null), (null)",
    )
    assert "indicator_datasets.dataset_id is null in 2 rows" in refused(old_deployment, run_cli, "are not what stage1 needs")


def test_a_required_column_that_is_missing_from_rows_is_refused(old_deployment, run_cli):
    execute(
        old_deployment,
        "create table public.stage1_datasets (dataset_id uuid primary key, dataset_slug text);"
        "insert into public.stage1_datasets values (gen_random_uuid(), 'x')",
    )
    said = refused(old_deployment, run_cli, "are not what stage1 needs")
    assert "stage1_datasets.ohlcv_measurement is missing, expected text, and has no default for the 1 rows" in said


def test_rows_that_a_check_forbids_are_refused(old_deployment, run_cli):
    execute(
        old_deployment,
        "create table public.stage1_datasets (dataset_id uuid primary key, dataset_slug text, ohlcv_measurement text,"
        " indicator_measurement text, kind text);"
        "insert into public.stage1_datasets values (gen_random_uuid(), 'x', '', '', 'other')",
    )
    said = refused(old_deployment, run_cli, "Rows of stage1_datasets are not what stage1 needs; nothing was changed.")
    assert "kind = ANY" in said and "Rows that differ: 1." in said
