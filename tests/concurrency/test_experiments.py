"""Two that record runs of one experiment at once: one success each, no deadlock, and nothing is lost."""

import psycopg
import pytest

from tests.concurrency.test_bar_loads_in_sql import waiting  # noqa: F401 - a fixture
from tests.sql.experiments import create, evaluate, evaluate_batch, rows, run, run_batch, upsert

NAMES = [f"e{number}" for number in range(20)]
STORED = "select source_id, output::text, error, attempt from public.experiment_run_list order by source_id"
KEY = "00000000-0000-0000-0000-000000000007"


@pytest.fixture
def experiment(database):
    with database.connect() as connection:
        upsert(connection, dict.fromkeys(NAMES, 1))
        return create(connection, experiment_id=KEY)["experiment_id"]


def test_of_two_recorders_of_one_run_the_first_counts(database, experiment, waiting):  # noqa: F811
    for name, second_output, expected in (("e0", "1", "unchanged"), ("e1", "2", "S1X02")):
        with database.connect(autocommit=False) as first:
            assert run(first, experiment, name, "1") == "recorded"
            second = waiting(lambda connection, name=name, output=second_output: run(connection, experiment, name, output))
            first.commit()
        answer = second.ended()
        assert (answer.sqlstate if isinstance(answer, psycopg.Error) else answer) == expected
    assert [(row["output"], row["attempt"]) for row in database.rows(STORED)] == [("1", 1), ("1", 1)]


def test_the_second_records_where_the_first_gives_up_or_failed(database, experiment, waiting):  # noqa: F811
    with database.connect(autocommit=False) as first:
        run(first, experiment, "e0", "1")
        second = waiting(lambda connection: run(connection, experiment, "e0", "2"))
        first.rollback()
    assert second.ended() == "recorded"
    with database.connect(autocommit=False) as first:
        run(first, experiment, "e1", error="boom")
        second = waiting(lambda connection: run(connection, experiment, "e1", "2"))
        first.commit()
    assert second.ended() == "replaced"
    assert [(row["output"], row["attempt"]) for row in database.rows(STORED)] == [("2", 1), ("2", 2)]


@pytest.mark.parametrize(("output", "answer"), [("1", (18, 0, 2, 0)), ("2", "S1X02")])
def test_a_batch_meets_single_runs(database, experiment, waiting, output, answer):  # noqa: F811
    with database.connect(autocommit=False) as single:
        for name in ("e3", "e7"):
            run(single, experiment, name, output)
        batch = waiting(lambda connection: run_batch(connection, experiment, [(name, 1, "1", None) for name in NAMES]))
        single.commit()
    found = batch.ended()
    assert (found.sqlstate if isinstance(found, psycopg.Error) else found) == answer
    assert len(database.rows(STORED)) == (20 if isinstance(answer, tuple) else 2)


def test_two_batches_in_opposite_order_wait_for_each_other(database, experiment, waiting):  # noqa: F811
    with database.connect(autocommit=False) as first:
        assert run_batch(first, experiment, [(name, 1, "1", None) for name in NAMES]) == (20, 0, 0, 0)
        second = waiting(lambda connection: run_batch(connection, experiment, [(name, 1, "1", None) for name in NAMES[::-1]]))
        assert evaluate_batch(first, experiment, [(name, 1, "m", None, 1.0, None) for name in NAMES]) == (20, 0, 0)
        first.commit()
    assert second.ended() == (0, 0, 20, 0)


def test_of_two_evaluations_of_a_name_the_last_counts(database, experiment, waiting):  # noqa: F811
    with database.connect(autocommit=False) as first:
        run_batch(first, experiment, [(name, 1, "1", None) for name in NAMES])
        first.commit()
        evaluate(first, experiment, "e5", "m", score=1.0)
        batch = [(name, 1, "m", None, 0.5, None) for name in NAMES]
        second = waiting(lambda connection: evaluate_batch(connection, experiment, batch))
        first.commit()
    assert second.ended() == (19, 1, 0)
    assert database.value("select count(*) from public.experiment_evaluations where score = 0.5") == 20


def test_an_experiment_that_two_create_at_once_is_one(database, experiment, waiting):  # noqa: F811
    key = "00000000-0000-0000-0000-000000000008"
    with database.connect(autocommit=False) as first:
        made = create(first, experiment_id=key, name="n")
        same = waiting(lambda connection: create(connection, experiment_id=key, name="n"))
        other = waiting(lambda connection: create(connection, experiment_id=key, name="m"))
        first.commit()
    assert same.ended() == made
    refused = other.ended()
    assert isinstance(refused, psycopg.Error) and refused.sqlstate == "S1X05"
    with database.connect() as connection:
        assert len(rows(connection, "select * from public.experiments")) == 2
