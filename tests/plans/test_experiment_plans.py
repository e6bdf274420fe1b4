"""Do pages, resumes and comparisons of experiments use their indexes, on 200,000 analysed runs, and on an experiment that is new?

Of a new experiment the planner knows nothing: it takes it for one without runs.
"""

import re
from uuid import UUID

import pytest
from benchmarks import measuring

from tests.plans.function_plans import executed, explain, explain_function, indexes, nodes, rows_read, tables_read_whole
from tests.plans.test_bar_plans import inner, settings, value
from tests.plugins.databases import a_database

pytestmark = pytest.mark.xdist_group("plans")

DATASET, BASE, OTHER, NEW = (UUID(int=number) for number in range(1, 5))
EXAMPLES, OF_NEW = 100_000, 20_000
TABLES = {"dataset_examples", "dataset_example_revisions", "experiment_runs", "experiment_evaluations"}
_ROWS = """
insert into stage1_datasets (dataset_id, dataset_slug, source, ohlcv_measurement, indicator_measurement, kind)
select %(dataset)s, 'breakouts', 'stage1', '', '', 'examples';
insert into dataset_versions (dataset_id, sequence, created_by, origin, new_count, changed_count, unchanged_count, deleted_count,
  restored_count, example_count)
select %(dataset)s, n, 'test', 'merge', 0, 0, 0, 0, 0, %(examples)s from generate_series(1, 2) as n;
insert into dataset_examples (dataset_id, source_id, head_sequence)
select %(dataset)s, to_char(n, 'FM000000'), 1 + (n %% 100 = 0)::int from generate_series(1, %(examples)s) as n;
insert into dataset_example_revisions (example_id, from_sequence, dataset_id, kind, input, output, metadata)
select x.example_id, n, x.dataset_id, case n when 1 then 'CREATE' else 'PATCH' end, json_build_object('n', n), '{}', '{}'
from dataset_examples as x cross join lateral generate_series(1, x.head_sequence) as n;
insert into experiments (experiment_id, dataset_id, version_id, created_by)
select e.id, v.dataset_id, v.version_id, 'test'
from unnest(array[%(base)s, %(other)s, %(new)s]) with ordinality as e (id, place)
inner join dataset_versions as v on v.sequence = least(e.place, 2);
"""
_RUNS = """
insert into experiment_runs (experiment_id, example_id, repetition, output, error, recorded_by)
select %(id)s, x.example_id, 1, case when x.example_id %% 500 > 0 then '1'::json end,
  case when x.example_id %% 500 = 0 then 'no' end, 't'
from dataset_examples as x where x.example_id <= %(count)s order by x.example_id;
insert into experiment_evaluations (run_id, name, score, recorded_by)
select r.run_id, 'm', r.run_id %% 7, 't' from experiment_runs as r
where r.experiment_id = %(id)s and r.error is null and r.run_id %% 1000 <> 1
"""


@pytest.fixture(scope="module")
def stored(template, server_url):
    """A connection to a database of its own; every 500th run of its two experiments failed. Nobody analysed the third."""
    with a_database(server_url, template.name) as database, database.connect() as connection:
        names = {"dataset": DATASET, "base": BASE, "other": OTHER, "new": NEW, "examples": EXAMPLES}
        cursor = connection.cursor()
        for statement in _ROWS.split(";\n"):
            if statement.strip():
                cursor.execute(statement, {name: given for name, given in names.items() if f"%({name})s" in statement})
        for experiment, count in ((BASE, EXAMPLES), (OTHER, EXAMPLES), (NEW, OF_NEW)):
            if experiment is NEW:
                measuring.settle(connection)
                for table in TABLES:
                    connection.execute(f"alter table {table} set (autovacuum_enabled = off)")
            for statement in _RUNS.split(";\n"):
                cursor.execute(statement, {"id": experiment, **({"count": count} if "(count)" in statement else {})})
        assert value(connection, "select count(*) from experiment_runs") == 2 * EXAMPLES + OF_NEW
        yield connection


def query(connection, function, **values):
    """The executed plan of what a function returns."""
    text = inner(connection, function, "return query", **values).removeprefix("return query")
    with connection.transaction(force_rollback=True):
        settings(connection, function)
        return explain(connection, text)


def is_cheap(plan, most):
    assert not set(tables_read_whole(plan)) & TABLES
    assert rows_read(plan) <= most


def middle(connection, experiment):
    """The number of a run in the middle of an experiment."""
    return value(
        connection,
        f"select percentile_disc(0.5) within group (order by run_id) from experiment_runs where experiment_id = '{experiment}'",
    )


@pytest.mark.parametrize("limit", [50, 5_000])
@pytest.mark.parametrize("experiment", [OTHER, NEW], ids=["known", "new"])
def test_a_page_of_runs_is_a_range_of_its_index(stored, experiment, limit):
    plan = explain_function(stored, "fn_experiment_runs", experiment, limit, middle(stored, experiment))
    assert {"idx_experiment_runs_page", "experiment_runs_pkey"} <= indexes(plan)
    is_cheap(plan, limit * 6)


@pytest.mark.parametrize("limit", [10, 2_000])
@pytest.mark.parametrize("experiment", [BASE, NEW], ids=["known", "new"])
def test_what_is_still_to_be_run_is_one_walk_along_the_examples(stored, experiment, limit):
    given = {"v_experiment.dataset_id": DATASET, "v_experiment.sequence": 1, "v_experiment.repetitions": 1}
    plan = query(stored, "fn_incomplete_runs", p_experiment_id=experiment, p_limit=limit, p_after_source_id="010000", **given)
    assert {"dataset_examples_source_key", "experiment_runs_once"} <= indexes(plan)
    assert plan["Actual Rows"] == (min(limit, 180) if experiment == BASE else limit)
    # Of the 90,000 examples behind it those that a page needs, and for each its run and what is still to be run.
    walked = min(limit * 500, 90_000) if experiment == BASE else min(limit * 500, 10_000 + limit)
    is_cheap(plan, 2 * walked + 4 * limit)


@pytest.mark.parametrize("experiment", [BASE, NEW], ids=["known", "new"])
def test_what_is_still_to_be_evaluated_is_one_walk_along_the_runs(stored, experiment):
    after = middle(stored, experiment)
    given = {"p_experiment_id": experiment, "p_names": ["m"], "p_limit": 5, "p_after_run_id": after}
    plan = query(stored, "fn_incomplete_evaluations", **given, **{"v_experiment.sequence": 1})
    assert plan["Actual Rows"] == 5
    assert {"idx_experiment_runs_page", "experiment_evaluations_pkey"} <= indexes(plan)
    is_cheap(plan, 5 * 1_000 * 4)


@pytest.mark.parametrize("other", [OTHER, NEW], ids=["known", "new"])
@pytest.mark.parametrize("limit", [50, 2_000])
def test_a_page_of_a_comparison_is_a_few_looks_for_each_example(stored, other, limit):
    given = {"v_compared.dataset_id": DATASET, "v_compared.base_sequence": 1, "v_compared.other_sequence": 2}
    values = {"p_base": BASE, "p_other": other, "p_limit": limit, "p_after_source_id": "010000"}
    plan = query(stored, "fn_compare_experiments", **values, **given)
    assert {"dataset_examples_source_key", "experiment_runs_once", "experiment_evaluations_pkey"} <= indexes(plan)
    assert plan["Actual Rows"] == limit
    is_cheap(plan, limit * 12)


@pytest.mark.parametrize("other", [OTHER, NEW], ids=["known", "new"])
def test_a_summary_reads_each_run_and_evaluation_once(stored, other):
    given = {"v_compared.dataset_id": DATASET, "v_compared.base_sequence": 1, "v_compared.other_sequence": 2}
    plan = query(stored, "fn_compare_evaluations", p_base=BASE, p_other=other, **given)
    of_runs = [node for node in executed(plan) if node.get("Relation Name") in ("experiment_runs", "experiment_evaluations")]
    count = EXAMPLES + (EXAMPLES if other == OTHER else OF_NEW)
    read = sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in of_runs)
    assert 1.9 * count <= read <= 3 * (2 * EXAMPLES + OF_NEW)
    # Two sides joined by a nested loop would be read a hundred thousand times.
    assert max(node["Actual Loops"] for node in nodes(plan) if node["Node Type"] == "CTE Scan") <= 1


@pytest.mark.parametrize("count", [20, 5_000])
def test_a_batch_looks_up_each_run_of_a_new_experiment_by_its_key(stored, count):
    with stored.transaction(force_rollback=True):
        stored.execute("select stage1_internal.stage_experiment_evaluations()")
        stored.execute(
            "insert into pg_temp.staged_evaluations (source_id, repetition, name, score)"
            f" select to_char(n, 'FM000000'), 1, 'n', 1 from generate_series(1, {count}) as n where n %% 500 > 0",
            [],
        )
        settings(stored, "record_experiment_evaluations")
        values = {"p_experiment_id": NEW, "v_experiment.dataset_id": DATASET, "p_recorded_by": "t"}
        text = re.sub(
            r" into recorded, replaced, v_resolved\b",
            "",
            inner(stored, "record_experiment_evaluations", "with resolved", **values),
        )
        plan = explain(stored, text)
        looks = [node for node in executed(plan) if node.get("Relation Name") in TABLES and "Scan" in node["Node Type"]]
        assert {node["Index Name"] for node in looks} == {"dataset_examples_source_key", "experiment_runs_once"}
        assert all(node["Actual Rows"] == 1 and not node.get("Rows Removed by Filter") for node in looks)
