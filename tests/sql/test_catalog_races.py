"""That sessions which write the same dataset or slug at once wait for each other and end as if one had come first."""

import threading
from uuid import UUID

import psycopg
import pytest

ONE, TWO = UUID("11111111-0000-4000-8000-000000000001"), UUID("22222222-0000-4000-8000-000000000002")
UPSERT = "select public.upsert_stage1_dataset(%s, %s, null, null, null, 'o', 'i', %s, 0, null, null, null, null, %s::jsonb)"
OLD_INSERT = "insert into public.indicator_datasets (dataset_id, questdb_tag) values (%s, %s)"


class Statement:
    """A statement that runs in a thread of its own on a connection of its own."""

    def __init__(self, database, statement, arguments):
        self.connection = database.connect()
        self.error = None
        self.thread = threading.Thread(target=self._run, args=(statement, arguments), daemon=True)
        self.thread.start()

    def _run(self, statement, arguments):
        try:
            self.connection.execute(statement, arguments)
        except psycopg.Error as error:
            self.error = error

    def ended(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.connection.close()
        return self.error


@pytest.fixture
def waiting(database, wait_until_blocked):
    """Starts a statement and returns when it waits for a lock."""

    def start(statement, arguments):
        started = Statement(database, statement, arguments)
        wait_until_blocked(started.connection)
        return started

    return start


@pytest.fixture
def first(database):
    with database.connect(autocommit=False) as connection:
        yield connection


def rows(database):
    return database.rows("select * from public.stage1_datasets order by dataset_id")


def test_two_upserts_of_one_dataset_queue_up_and_merge(database, first, waiting):
    first.execute(UPSERT, [ONE, "x", 1, '{"a": 1}'])
    second = waiting(UPSERT, [ONE, "x", 2, '{"b": 2}'])
    first.commit()
    assert second.ended() is None
    (row,) = rows(database)
    assert (row["ohlcv_row_count"], row["metadata"]) == (2, {"a": 1, "b": 2})


def test_the_second_of_two_datasets_of_one_slug_is_refused_when_the_first_commits(database, first, waiting):
    first.execute(UPSERT, [ONE, "x", 1, None])
    second = waiting(UPSERT, [TWO, "x", 2, None])
    first.commit()
    error = second.ended()
    assert error.sqlstate == "S1C01" and str(ONE) in error.diag.message_primary
    assert [row["dataset_id"] for row in rows(database)] == [ONE]


def test_the_second_of_two_datasets_of_one_slug_succeeds_when_the_first_rolls_back(database, first, waiting):
    first.execute(UPSERT, [ONE, "x", 1, None])
    second = waiting(UPSERT, [TWO, "x", 2, None])
    first.rollback()
    assert second.ended() is None
    assert [row["dataset_id"] for row in rows(database)] == [TWO]


def test_under_repeatable_read_a_slug_that_was_taken_meanwhile_is_an_error_to_retry(database, first):
    first.execute("set transaction isolation level repeatable read")
    first.execute("select 1 from public.stage1_datasets")
    database.rows(UPSERT, ONE, "x", 1, None)
    with pytest.raises(psycopg.errors.SerializationFailure):
        first.execute(UPSERT, [TWO, "x", 2, None])
    first.rollback()
    with pytest.raises(psycopg.Error) as refused:
        first.execute(UPSERT, [TWO, "x", 2, None])
    assert refused.value.sqlstate == "S1C01"


def test_two_old_clients_with_one_tag_both_get_their_dataset(database, first, waiting):
    first.execute(OLD_INSERT, [ONE, "tag"])
    second = waiting(OLD_INSERT, [TWO, "tag"])
    first.commit()
    assert second.ended() is None
    assert [row["dataset_slug"] for row in rows(database)] == ["tag", "tag-22222222"]


def test_an_old_client_and_an_upsert_of_one_dataset_queue_up(database, first, waiting):
    first.execute(UPSERT, [ONE, "known", 1, None])
    second = waiting(OLD_INSERT, [ONE, "tag"])
    first.commit()
    assert second.ended() is None
    (row,) = rows(database)
    assert (row["dataset_slug"], row["indicator_measurement"]) == ("known", "i")


def test_many_sessions_making_the_same_new_datasets_at_once_leave_each_once(database):
    """Eight sessions meet before each dataset: whoever inserts it first, the others update it and nobody fails."""
    failures = []
    together = threading.Barrier(8)

    def work(number):
        with database.connect() as connection:
            for turn in range(40):
                together.wait(20)
                try:
                    connection.execute(UPSERT, [UUID(int=turn + 1), f"slug-{turn:02}", number, f'{{"w{number}": {turn}}}'])
                except psycopg.Error as error:
                    failures.append(error)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    found = rows(database)
    assert [row["dataset_slug"] for row in found] == [f"slug-{n:02}" for n in range(40)]
    assert all(len(row["metadata"]) == 8 for row in found)
