"""Do reads and writes of versions touch what they answer, on 200,000 revisions with long histories?

What a function touches is what the server counted for its tables in this transaction, whatever plan it took.
"""

from collections.abc import Iterator

import psycopg
import pytest
from benchmarks import measuring
from psycopg.rows import DictRow

from tests.plans.function_plans import explain, nodes, tables_read_whole
from tests.plugins.databases import Database, a_database
from tests.sql.example_uploads import call, counts, stage, upsert

pytestmark = pytest.mark.xdist_group("plans")

EXAMPLES, VERSIONS, CHANGES = 30_000, 2_000, 50
# Of `large`, each version changes 50 examples, hot among them; `other` is as large and has one version; `small` are a thousand.
_ROWS = """
set session_replication_role = replica;
insert into stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, kind)
select md5(n)::uuid, n, '', '', 'examples'
from (select 'large' union all select 'other' union all select 'small ' || i from generate_series(1, 1000) as i) as s (n);
insert into dataset_versions (dataset_id, sequence, created_at, created_by, origin, new_count, changed_count, unchanged_count,
  deleted_count, restored_count, example_count)
select d.dataset_id, v, timestamptz '2025-01-01 UTC' + v * interval '1 minute', 'somebody', 'merge',
  case when v = 1 then c.examples else 0 end, case when v > 1 then {changes} else 0 end, 0, 0, 0, c.examples
from stage1_datasets as d
cross join lateral (select case when d.dataset_slug like 'small%' then 10 else {examples} end as examples) as c
cross join lateral generate_series(1, case d.dataset_slug when 'large' then {versions} else 1 end) as v;
insert into dataset_examples (dataset_id, source_id, head_sequence, head_hash)
select d.dataset_id, 'e' || lpad(e::text, 6, '0'), 1, ''
from stage1_datasets as d
cross join lateral generate_series(0, case when d.dataset_slug like 'small%' then 10 else {examples} end - 1) as e;
insert into dataset_example_revisions (example_id, from_sequence, dataset_id, kind, input, output, metadata)
select e.example_id, 1, e.dataset_id, 'CREATE', '{{"n":1}}', '{{}}', '{{}}' from dataset_examples as e;
insert into dataset_example_revisions (example_id, from_sequence, dataset_id, kind, input, output, metadata)
select e.example_id, v, e.dataset_id, 'PATCH', format('{{"n":%s}}', v)::json, '{{}}', '{{}}'
from generate_series(2, {versions}) as v
cross join lateral (
  select distinct case when k = 1 then 0 else (v * 7919 + k * 104729) % {examples} end as place
  from generate_series(1, {changes}) as k
) as c
inner join dataset_examples as e on e.dataset_id = md5('large')::uuid and e.source_id = 'e' || lpad(c.place::text, 6, '0');
update dataset_examples as e
set head_sequence = r.from_sequence, head_hash = r.content_hash
from (
  select distinct on (s.example_id) s.* from dataset_example_revisions as s order by s.example_id, s.from_sequence desc
) as r
where r.example_id = e.example_id;
insert into dataset_version_tags (dataset_id, tag, version_id, updated_by)
select v.dataset_id, 'tag ' || v.sequence, v.version_id, 'somebody' from dataset_versions as v where v.sequence % 2 = 0;
reset session_replication_role;
"""
_TOUCHED = """
select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::bigint as rows,
  coalesce(sum(seq_scan) filter (where relname like 'dataset\\_example%'), 0)::bigint as scans
from pg_stat_xact_user_tables
"""


@pytest.fixture(scope="module")
def filled(template: Database, server_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to such a database, in autocommit mode; tests leave it as it was."""
    with a_database(server_url, template.name) as database, database.connect() as connection:
        connection.execute(_ROWS.format(examples=EXAMPLES, versions=VERSIONS, changes=CHANGES).encode())
        assert connection.execute("select count(*) as n from dataset_example_revisions").fetchone()["n"] > 160_000
        measuring.settle(connection)
        yield connection


def touched(connection, work):
    """The rows that a piece of work read, and its answer; neither examples nor revisions are read whole."""
    with connection.transaction(force_rollback=True):
        before = connection.execute(_TOUCHED).fetchone()
        answer = work(connection)
        after = connection.execute(_TOUCHED).fetchone()
    assert after["scans"] == before["scans"], "a table was read whole"
    return after["rows"] - before["rows"], answer


def asked(statement, *arguments):
    return lambda connection: connection.execute(statement.encode(), arguments or None).fetchall()


@pytest.mark.parametrize("version", ["1", "1000", "latest", "as-of:2025-01-01T12:00:00Z"])
@pytest.mark.parametrize("after", [None, "e025000"])
def test_a_page_of_any_version_touches_its_own_rows(filled, version, after):
    rows, page = touched(filled, asked("select * from fn_dataset_examples('large', %s, 100, %s)", version, after))
    assert len(page) == 100
    assert rows <= 250
    place = f"'{after}'" if after else "null"
    plan = explain(filled, f"select * from fn_dataset_examples('large', '{version}', 100, {place})")
    assert not {node["Node Type"] for node in nodes(plan)} & {"Sort", "Function Scan"}
    assert tables_read_whole(plan) == []


@pytest.mark.parametrize("version", ["1", "latest"])
def test_a_cursor_over_all_examples_gives_the_first_ones_at_once(filled, version):
    def first_ones(connection):
        with connection.cursor("all_of_them") as cursor:
            cursor.execute("select * from fn_dataset_examples(%s, %s, null)", ["large", version])
            return cursor.fetchmany(10)

    rows, found = touched(filled, first_ones)
    assert len(found) == 10
    assert rows <= 60


@pytest.mark.parametrize(
    ("statement", "found", "most"),
    [
        ("select * from fn_example_history('large', 'e000000', 50)", 50, 110),
        ("select * from fn_example_history('large', 'e000000', 50, 1000)", 50, 110),
        ("select * from fn_list_dataset_versions('large', 50)", 50, 210),
        ("select * from fn_list_dataset_versions('large', 50, 1000)", 50, 210),
        ("select * from fn_find_dataset_version('large', '1000')", 1, 20),
        ("select * from fn_find_dataset_version('large')", 1, 20),
        ("select * from fn_find_dataset_version('large', 'as-of:2025-01-01T12:00:00Z')", 1, 20),
        ("select * from dataset_catalog where dataset_slug = 'large'", 1, 10),
        ("select * from fn_diff_dataset_versions('large', '999', '1000')", CHANGES, 8 * CHANGES),
        ("select * from fn_diff_dataset_versions('large', '1000', '999', 5, 'e001000')", 5, 8 * CHANGES),
        ("select * from fn_diff_dataset_versions_summary('large', '999', '1000')", 1, 5 * CHANGES),
        # Most examples differ, as the versions between say: walked in their order, with what each had.
        ("select * from fn_diff_dataset_versions('large', '1', '2000', 100)", 100, VERSIONS + 1_001 + 5 * 100),
    ],
)
def test_a_read_touches_what_it_answers(filled, statement, found, most):
    rows, answer = touched(filled, asked(statement))
    assert len(answer) == found or (found == CHANGES and CHANGES - 5 <= len(answer) <= CHANGES)
    assert rows <= most


@pytest.mark.parametrize("mode", ["merge", "plan"])
def test_few_examples_of_a_large_dataset_are_looked_up(filled, mode):
    given = {f"e{n:06}": 7 for n in range(1, 21)} | {"new": 1}

    def work(connection):
        if mode == "plan":
            stage(connection, [(source_id, None, number) for source_id, number in given.items()])
            return call(connection, "plan_dataset_examples", name="large", mode="merge")
        return upsert(connection, given, "merge", name="large")

    rows, answer = touched_but_staging(filled, work)
    assert counts(answer) == (1, 20, 0, 0, 0)
    assert rows <= 400


def test_a_request_that_changes_nothing_is_kept_without_a_look_at_the_others(filled):
    """A client that looks in every minute leaves 43,000 of them in 30 days."""
    with filled.transaction(force_rollback=True):
        filled.execute(
            "insert into stage1_internal.dataset_requests (dataset_id, request_key, version_id, unchanged_count, answered_at)"
            " select v.dataset_id, n::text, v.version_id, 0, now() - n * interval '15 minutes'"
            " from dataset_versions as v cross join generate_series(1, 3000) as n"
            " where v.dataset_id = md5('large')::uuid and v.sequence = 1"
        )
        ours = _TOUCHED.replace(
            "from pg_stat_xact_user_tables", "from pg_stat_xact_user_tables where relname = 'dataset_requests'"
        )
        before = filled.execute(ours).fetchone()["rows"]
        upsert(filled, {}, "merge", name="large", request_key="the next")
        assert filled.execute(ours).fetchone()["rows"] - before <= 3000 - 30 * 96 + 10, "only those that are forgotten"


def touched_but_staging(connection, work):
    """The same, where the staged rows and the changes, which are temporary, may be read whole."""
    ours = _TOUCHED.replace("from pg_stat_xact_user_tables", "from pg_stat_xact_user_tables where schemaname = 'public'")
    with connection.transaction(force_rollback=True):
        before = connection.execute(ours).fetchone()
        answer = work(connection)
        after = connection.execute(ours).fetchone()
    assert after["scans"] == before["scans"], "a table was read whole"
    return after["rows"] - before["rows"], answer


def test_a_new_dataset_without_statistics_is_compared_in_one_pass(database):
    """PostgreSQL takes it for a handful of rows; rows times rows would be 25 million."""
    number_of = 5_000
    examples = {f"e{n:06}": n for n in range(number_of)}
    ours = _TOUCHED.replace("from pg_stat_xact_user_tables", "from pg_stat_xact_user_tables where relname = 'dataset_examples'")
    with database.connect(autocommit=False) as connection:
        upsert(connection, examples)
        for changed, expected in ((0, (0, 0, number_of, 0, 0)), (50, (0, 50, number_of - 100, 50, 0))):
            given = {key: n + (1 if n < changed else 0) for key, n in examples.items() if n < number_of - changed}
            before = connection.execute(ours).fetchone()
            assert counts(upsert(connection, given)) == expected
            assert connection.execute(ours).fetchone()["rows"] - before["rows"] <= 4 * number_of
            assert counts(upsert(connection, given, "merge")) == (0, 0, len(given), 0, 0)
