"""That a Stage 1.3 deployment becomes a stage1 database with every row, and is left alone where it cannot."""

from datetime import UTC, datetime

from tests.integration.adoption.deployments import EXTRAS, KEYS, NEW, REPLACED, TAGGED, execute, migrate, rows, rows_by_id

# --- every row arrives ----------------------------------------------------------------------------------------


def test_every_legacy_row_is_there_by_id_with_its_values(old_deployment, run_cli):
    before = rows_by_id(old_deployment)
    done = migrate(run_cli, old_deployment)
    assert done.exit_code == 0, done.stderr
    after = rows_by_id(old_deployment)
    for table in KEYS:
        assert before[table].keys() == after[table].keys()
        for key, old in before[table].items():
            kept = {name: after[table][key][name] for name in old if not (name == "created_at" and old[name] is None)}
            assert kept == {name: value for name, value in old.items() if name in kept}


def test_every_indicator_dataset_has_its_parent_by_the_rule(adopted):
    found = rows(
        adopted,
        "select i.dataset_id::text as id, i.questdb_tag, i.row_count, d.* from public.indicator_datasets as i"
        " left join public.stage1_datasets as d on d.dataset_id = i.dataset_id",
    )
    assert len(found) == 14
    for row in found:
        assert row["kind"] == "triplet" and row["ohlcv_measurement"] == ""
        assert row["indicator_row_count"] == row["row_count"]
        assert row["metadata"]["questdb_tag"] == row["questdb_tag"]
    slugs = {row["id"]: (row["dataset_slug"], row["metadata"]["slug_from"]) for row in found}
    assert slugs[TAGGED] == ("ind_aapl_1m", "questdb_tag")
    # Three of one tag: the oldest keeps it, and another row's own tag is not taken from it.
    assert slugs["11110002-0000-4000-8000-000000000004"] == ("ind_mnq", "questdb_tag")
    assert slugs["11110003-0000-4000-8000-000000000005"] == ("ind_mnq-11110003", "questdb_tag with suffix")
    assert slugs["10000000-0000-4000-8000-000000000006"] == ("ind_mnq-11110001", "questdb_tag")
    assert slugs["11110001-0000-4000-8000-000000000003"] == (
        "ind_mnq-11110001-0000-4000-8000-000000000003",
        "questdb_tag with suffix",
    )
    for number in ("07", "08", "09", "0c"):
        key = f"10000000-0000-4000-8000-0000000000{number}"
        assert slugs[key] == (key, "dataset_id")


def test_runs_of_unknown_datasets_are_kept_under_placeholders_and_those_of_none_as_they_were(adopted):
    found = rows(adopted, "select dataset_id::text as id, * from public.stage1_datasets where metadata ? 'placeholder'")
    assert {row["id"]: (row["dataset_slug"], row["source"]) for row in found} == {
        "f0000000-0000-4000-8000-000000000001": ("f0000000-0000-4000-8000-000000000001-f0000000", "placeholder"),
        "f0000000-0000-4000-8000-000000000002": ("f0000000-0000-4000-8000-000000000002", "placeholder"),
    }
    reasons = [row["metadata"]["placeholder_reason"] for row in sorted(found, key=lambda row: row["id"])]
    assert reasons[0].startswith("2 runs and 0 simulations") and reasons[1].startswith("0 runs and 1 simulations")
    assert len(rows(adopted, "select * from public.fn_list_runs()")) == 8
    assert len(rows(adopted, "select * from public.fn_list_simulations()")) == 7
    assert len(rows(adopted, "select * from public.walkforward_runs where dataset_id is null")) == 2


def test_the_report_says_what_an_operator_must_know(old_deployment, run_cli):
    done = migrate(run_cli, old_deployment)
    said = done.stdout + done.stderr
    for sentence in (
        "indicator_datasets adopted, rows: 14",
        "walkforward_runs adopted, rows: 8",
        "simulation_runs adopted, rows: 7",
        "created_at: rows in which it was null, and which now hold now(): 1",
        "14 of 14 rows of indicator_datasets backfilled",
        "without a usable questdb_tag, whose slug is their dataset_id: 4",
        "whose tag is the slug of another dataset, and got a suffix: 3 (",
        "placeholders made for datasets that runs or simulations name and nobody knows: 2 (f0000000-",
    ):
        assert sentence in said


def test_a_second_run_has_nothing_to_do(adopted, run_cli):
    before = rows(adopted, "select * from public.stage1_datasets order by dataset_id")
    done = migrate(run_cli, adopted)
    assert done.exit_code == 0 and "nothing to do" in (done.stdout + done.stderr)
    assert rows(adopted, "select * from public.stage1_datasets order by dataset_id") == before


# --- the schema is a fresh one's, and the deployment's own things stay ------------------------------------------


def schema(database):
    return {
        "column": rows(
            database,
            "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns"
            " where table_schema = 'public'",
        ),
        "constraint": rows(
            database,
            "select c.conrelid::regclass::text as table_name, c.conname, pg_get_constraintdef(c.oid) as definition"
            " from pg_catalog.pg_constraint as c where c.connamespace = 'public'::regnamespace and c.contype <> 'n'",
        ),
        "index": rows(database, "select tablename, indexdef from pg_catalog.pg_indexes where schemaname = 'public'"),
        "trigger": rows(
            database, "select pg_get_triggerdef(t.oid) as definition from pg_catalog.pg_trigger as t where not t.tgisinternal"
        ),
        "view": rows(
            database, "select viewname, definition from pg_catalog.pg_views where schemaname in ('public', 'stage1_internal')"
        ),
        "function": rows(
            database,
            "select pg_get_functiondef(p.oid) as definition from pg_catalog.pg_proc as p"
            " where p.pronamespace in ('public'::regnamespace, 'stage1_internal'::regnamespace)",
        ),
        "comment": rows(
            database,
            "select c.relname, d.objsubid > 0 as is_column, a.attname, d.description from pg_catalog.pg_description as d"
            " join pg_catalog.pg_class as c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass"
            " left join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0"
            " where c.relnamespace = 'public'::regnamespace and a.attname is distinct from 'exported_by'",
        ),
    }


def test_the_adopted_schema_is_a_fresh_one_plus_the_deployment_s_own(adopted, database):
    found, fresh = schema(adopted), schema(database)
    for kind in fresh:
        ours = {tuple(row.values()) for row in fresh[kind]}
        theirs = {tuple(row.values()) for row in found[kind]}
        assert theirs - ours == EXTRAS.get(kind, set()), kind
        assert ours - theirs == REPLACED.get(kind, set()), kind


def test_a_foreign_key_to_indicator_datasets_is_replaced(old_deployment, run_cli):
    execute(
        old_deployment,
        "alter table public.walkforward_runs add constraint of_old foreign key (dataset_id)"
        " references public.indicator_datasets (dataset_id) not valid",
    )
    done = migrate(run_cli, old_deployment)
    assert done.exit_code == 0 and "of_old is replaced by walkforward_runs_dataset_fk" in done.stdout + done.stderr
    execute(
        old_deployment, upsert_of(NEW) + f"; insert into public.walkforward_runs (run_id, dataset_id) values ('{NEW}', '{NEW}')"
    )


def upsert_of(dataset_id):
    return (
        f"select public.upsert_stage1_dataset('{dataset_id}', 'slug {dataset_id}', null, null, null, 'o', 'i',"
        " 1, 1, null, null, null, null, null)"
    )


def test_equal_constraints_of_other_names_are_not_doubled(old_deployment, run_cli):
    execute(
        old_deployment,
        "alter table public.walkforward_runs add constraint own_unique unique (dataset_id, prediction_measurement);"
        "create unique index own_index on public.simulation_runs (run_id, questdb_namespace)",
    )
    assert migrate(run_cli, old_deployment).exit_code == 0
    names = {row["conname"] for row in rows(old_deployment, "select conname from pg_catalog.pg_constraint")}
    assert "own_unique" in names
    assert not names & {"walkforward_runs_dataset_measurement_uq", "simulation_runs_run_namespace_uq"}


def test_a_table_with_a_primary_key_of_its_own_keeps_it(old_deployment, run_cli):
    execute(old_deployment, "alter table public.walkforward_runs add column id bigint generated always as identity primary key")
    done = migrate(run_cli, old_deployment)
    assert done.exit_code == 0, done.stderr
    names = {row["conname"] for row in rows(old_deployment, "select conname from pg_catalog.pg_constraint")}
    assert "walkforward_runs_run_id_key" in names


def test_a_stage1_datasets_that_was_made_by_hand_is_adopted_and_its_rows_win(old_deployment, run_cli):
    execute(
        old_deployment,
        """
        create table public.stage1_datasets (
            dataset_id uuid primary key, dataset_slug text not null unique, symbol text, granularity text,
            source text default 'laptop_imgui', ohlcv_measurement text not null, indicator_measurement text not null,
            ohlcv_row_count bigint default 0, indicator_row_count bigint default 0, ohlcv_first_ts timestamptz,
            ohlcv_last_ts timestamptz, indicator_first_ts timestamptz, indicator_last_ts timestamptz,
            metadata jsonb default '{}'::jsonb, created_at timestamptz not null default now(),
            updated_at timestamptz not null default now()
        );
        insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, metadata)
        values ('10000000-0000-4000-8000-000000000001', 'by hand', 'o', 'i', null),
               ('40000000-0000-4000-8000-000000000001', 'ind_msft_1m', 'o', 'i', '[1, 2]');
        """,
    )
    done = migrate(run_cli, old_deployment)
    assert done.exit_code == 0, done.stderr
    found = {str(row["dataset_id"]): row for row in rows(old_deployment, "select * from public.stage1_datasets")}
    assert (found[TAGGED]["dataset_slug"], found[TAGGED]["metadata"], found[TAGGED]["kind"]) == ("by hand", {}, "triplet")
    assert found[NEW]["metadata"] == {"legacy_metadata": [1, 2]}
    assert found["10000000-0000-4000-8000-000000000002"]["dataset_slug"] == "ind_msft_1m-10000000"


# --- clients of before go on ------------------------------------------------------------------------------------


def test_old_clients_inserts_upserts_and_copies_still_work(adopted):
    with adopted.connect() as client:
        client.execute(
            "insert into indicator_datasets (dataset_id, symbol, questdb_tag, row_count, exported_by)"
            " values (%s, 'X', 'new', 1, 'desk')",
            [NEW],
        )
        client.execute(
            "insert into indicator_datasets (dataset_id, row_count) values (%s, 5)"
            " on conflict (dataset_id) do update set row_count = excluded.row_count",
            [NEW],
        )
        with client.cursor().copy("copy indicator_datasets (dataset_id, questdb_tag) from stdin") as copy:
            copy.write_row((NEW.replace("1", "2"), "new"))
        client.execute("insert into walkforward_runs (run_id, dataset_id, folds) values (%s, %s, 2)", [NEW, NEW])
        client.execute("update walkforward_runs set status = 'done' where run_id = %s", [NEW])
    found = {
        row["dataset_slug"]: row for row in rows(adopted, "select * from public.dataset_catalog where dataset_slug like 'new%'")
    }
    assert {slug: row["indicator_row_count"] for slug, row in found.items()} == {"new": 5, "new-40000000": None}
    assert found["new"]["run_count"] == 1


def test_an_old_client_s_new_statistics_reach_the_catalog(adopted):
    execute(
        adopted,
        f"update public.indicator_datasets set row_count = 1001, last_bar_ts = '2024-01-01Z' where dataset_id = '{TAGGED}'",
    )
    (row,) = rows(adopted, "select * from public.fn_show_dataset('ind_aapl_1m')")
    assert (row["indicator_row_count"], row["indicator_last_ts"]) == (1001, datetime(2024, 1, 1, tzinfo=UTC))


def test_the_login_of_before_works_through_its_old_grants_and_the_new_functions(adopted):
    """A session of stage1_app, as the role matrix left it: old tables, old names, new functions."""
    with adopted.connect() as client:
        client.execute("set session authorization stage1_app")
        client.execute("insert into indicator_datasets (dataset_id, questdb_tag) values (%s, 'by login')", [NEW])
        client.execute("update indicator_datasets set row_count = 3 where dataset_id = %s", [NEW])
        client.execute(upsert_of(NEW.replace("1", "3")))
        (run,) = client.execute("select * from fn_list_runs(1, 0)").fetchall()
        assert "dataset_slug" in run
        assert len(client.execute("select * from dataset_hierarchy limit 5").fetchall()) == 5
        (row,) = client.execute("select * from fn_show_dataset('by login')").fetchall()
        assert row["indicator_row_count"] == 3
