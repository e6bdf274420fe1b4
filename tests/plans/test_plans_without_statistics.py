"""Do pages of examples and experiments touch their own rows where the planner knows nothing, or what is not true any more?

Nobody has analysed tables that are minutes old. Those of an upload that was given up have pages without a row when they are
analysed: PostgreSQL takes them for empty from then on, however many rows come.
"""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.plans.test_example_plans import touched_but_staging
from tests.plugins.databases import Database, a_database
from tests.sql.example_uploads import upsert

pytestmark = pytest.mark.xdist_group("plans")

EXAMPLES, CHANGES, PAGE = 5_000, 50, 20
LATE = "select max(run_id) - 100 from experiment_runs"
EXPERIMENT, NEXT = UUID(int=1), UUID(int=2)
TABLES = ("dataset_versions", "dataset_examples", "dataset_example_revisions", "experiment_runs", "experiment_evaluations")
_NAMES = [f"e{n:06}" for n in range(EXAMPLES)]


def fill(connection: psycopg.Connection[DictRow]) -> None:
    """Four versions: all are changed by the second, some by the third and fourth. An experiment is run, and half evaluated."""
    for changed, number in ((EXAMPLES, 1), (EXAMPLES, 2), (CHANGES, 3), (CHANGES, 4)):
        upsert(connection, dict.fromkeys(_NAMES[:changed], number), "merge")
    for experiment in (EXPERIMENT, NEXT):
        connection.execute("select from public.create_experiment('set', '1', %s)", [experiment])
    for table, columns, values in (("runs", "output", "'1'"), ("evaluations", "name, score", "'m', 1")):
        connection.execute(f"select stage1_internal.stage_experiment_{table}()")
        connection.execute(
            f"insert into pg_temp.staged_{table} (source_id, repetition, {columns}) select s, 1, {values}"
            " from unnest(%s::text[]) as s",
            [_NAMES],
        )
        connection.execute(f"select * from public.record_experiment_{table}(%s)", [EXPERIMENT])


@pytest.fixture(scope="module", params=["never analysed", "analysed when empty"])
def filled(request: pytest.FixtureRequest, template: Database, server_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to such a database, in autocommit mode; tests leave it as it was."""
    with a_database(server_url, template.name) as database, database.connect() as connection:
        for table in TABLES:
            connection.execute(f"alter table {table} set (autovacuum_enabled = off)")
        if request.param == "analysed when empty":
            with connection.transaction(force_rollback=True):
                fill(connection)
            connection.execute("analyze")
        with connection.transaction():
            fill(connection)
        yield connection


@pytest.mark.parametrize(
    ("statement", "found", "most"),
    [
        ("select * from fn_dataset_examples('set', '1', 20, 'e002500')", PAGE, 4 * PAGE),
        ("select * from fn_diff_dataset_versions('set', '3', '4', 20)", PAGE, 8 * CHANGES),
        ("select * from fn_diff_dataset_versions('set', '1', '2', 20)", PAGE, 8 * PAGE),
        ("select * from fn_diff_dataset_versions('set', '1', '2', 20, 'e002500')", PAGE, 8 * PAGE),
        ("select * from restore_dataset_version('set', '3', p_dry_run => true)", 1, 12 * CHANGES),
        ("select * from fn_example_history('set', 'e000000')", 4, 30),
        (f"select * from fn_experiment_runs('{EXPERIMENT}', 20)", PAGE, 8 * PAGE),
        (
            f"select * from fn_experiment_runs('{EXPERIMENT}', 20, ({LATE}))",
            PAGE,
            8 * PAGE,
        ),
        (f"select * from fn_incomplete_evaluations('{EXPERIMENT}', '{{m,n}}', 20)", PAGE, 8 * PAGE),
        (f"select * from fn_incomplete_evaluations('{EXPERIMENT}', '{{m,n}}', 20, ({LATE}))", PAGE, 8 * PAGE),
        (f"select * from fn_incomplete_runs('{NEXT}', 20, 'e002500')", PAGE, 8 * PAGE),
        (f"select * from fn_compare_experiments('{EXPERIMENT}', '{NEXT}', 20, 'e002500')", PAGE, 12 * PAGE),
    ],
)
def test_a_page_touches_its_own_rows(filled: psycopg.Connection[DictRow], statement: str, found: int, most: int) -> None:
    rows, answer = touched_but_staging(filled, lambda connection: connection.execute(statement.encode()).fetchall())
    assert len(answer) == found
    assert rows <= most
