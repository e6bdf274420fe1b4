"""Uploads of examples at once: each ends as if one had come after the other, and none fails for it."""

import threading
from uuid import UUID

import psycopg
import pytest

from tests.concurrency.test_bar_loads_in_sql import Session, waiting  # noqa: F401 - a fixture
from tests.sql.example_uploads import call, counts, held, latest, restore, stage, upsert

MANY = 16


@pytest.fixture
def at_once(database):
    """Runs one piece of work for each number, each in a session of its own, and starts them together."""

    def run(work, number_of=MANY):
        start = threading.Barrier(number_of)

        def begin(number):
            def begun(connection):
                connection.execute("select 1")
                start.wait(60)
                return work(connection, number)

            return begun

        sessions = [Session(database, begin(number)) for number in range(number_of)]
        return [session.ended() for session in sessions]

    return run


def read(database, what, *arguments):
    with database.connect(autocommit=False) as connection:
        return what(connection, *arguments)


def versions(database):
    return database.value("select count(*) from public.dataset_versions")


def sound(database):
    for check in ("example_heads_differ", "example_counts_differ"):
        assert database.rows(f"select * from public.{check}") == []


def test_identical_first_upserts_make_one_version(database, at_once):
    examples = {f"e{n}": n for n in range(50)}
    answers = at_once(lambda connection, _: upsert(connection, examples, new_dataset_id=UUID(int=7)))
    assert not [answer for answer in answers if isinstance(answer, psycopg.Error)]
    assert sorted(counts(answer) for answer in answers) == [(0, 0, 50, 0, 0)] * (MANY - 1) + [(50, 0, 0, 0, 0)]
    assert {answer["dataset_id"] for answer in answers} == {UUID(int=7)}
    assert len({answer["version_id"] for answer in answers}) == 1
    assert [answer["created_dataset"] for answer in answers].count(True) == 1
    assert (versions(database), read(database, held)) == (1, examples)


def test_mirrors_end_as_one_of_them(database, at_once):
    read(database, upsert, {f"e{n}": 0 for n in range(40)})
    given = [{f"e{n}": number for n in range(number, number + 40)} for number in range(MANY)]
    answers = at_once(lambda connection, number: upsert(connection, given[number]))
    assert not [answer for answer in answers if isinstance(answer, psycopg.Error)]
    assert read(database, held) in given
    assert read(database, latest)["example_count"] == 40
    sound(database)
    made = [answer["version_id"] for answer in answers if answer["created_version"]]
    assert len(set(made)) == len(made)
    held_then = [read(database, held, sequence) for sequence in range(2, versions(database) + 1)]
    assert all(version in given for version in held_then)


def test_merges_of_one_new_example_each_are_all_there(database, at_once):
    answers = at_once(lambda connection, number: upsert(connection, {f"e{number}": number, "same": 1}, "merge"))
    assert not [answer for answer in answers if isinstance(answer, psycopg.Error)]
    assert read(database, held) == {f"e{number}": number for number in range(MANY)} | {"same": 1}
    assert sum(answer["new_count"] for answer in answers) == MANY + 1
    assert versions(database) == MANY
    sound(database)


def test_of_those_that_expect_the_same_version_one_wins(database, at_once):
    first = read(database, upsert, {"a": 0})["version_id"]

    def change(connection, number):
        if number % 2:
            return restore(connection, 1, expected_version_id=first)  # changes nothing while it is the first
        return upsert(connection, {"a": number + 1}, expected_version_id=first)

    answers = at_once(change)
    won = [answer for answer in answers if isinstance(answer, dict) and answer["created_version"]]
    lost = [answer for answer in answers if isinstance(answer, psycopg.Error)]
    assert len(won) == 1 and {error.sqlstate for error in lost} == {"S1E02"}
    assert {error.diag.message_detail for error in lost} == {f"The latest version is {won[0]['version_id']}."}
    assert versions(database) == 2


def test_the_same_request_at_once_is_done_once(database, at_once):
    read(database, upsert, {"a": 0})
    answers = at_once(lambda connection, _: upsert(connection, {"a": 1}, request_key="k"))
    assert all(answer == answers[0] for answer in answers) and answers[0]["created_version"]
    none = at_once(lambda connection, _: upsert(connection, {"a": 1}, request_key="nothing"))
    assert all(answer == none[0] for answer in none) and counts(none[0]) == (0, 0, 1, 0, 0)
    assert versions(database) == 2


def test_readers_and_other_datasets_do_not_wait_and_a_plan_does(database, waiting):  # noqa: F811
    read(database, upsert, {"a": 0})
    with database.connect(autocommit=False) as first:
        upsert(first, {"a": 1})
        with database.connect(autocommit=False) as other:
            other.execute("set local lock_timeout = '5s'")
            assert held(other) == {"a": 0}
            assert upsert(other, {"a": 5}, name="other")["created_dataset"]
            other.commit()

        def plan(connection):
            stage(connection, {"a": 1})
            return call(connection, "plan_dataset_examples", name="set", mode="mirror")

        planning = waiting(plan)
        first.commit()
    assert counts(planning.ended()) == (0, 0, 1, 0, 0), "it saw what was committed meanwhile"


def test_whoever_waits_for_a_first_upsert_that_gives_up_makes_the_dataset(database, waiting):  # noqa: F811
    with database.connect(autocommit=False) as first:
        upsert(first, {"a": 1})
        second = waiting(lambda connection: upsert(connection, {"a": 2}))
        first.rollback()
    assert second.ended()["created_dataset"]
    assert read(database, held) == {"a": 2}
