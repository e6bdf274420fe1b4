"""Loads and their neighbours at once: exact counts, no deadlock, and nobody waits who need not."""

import threading
from contextlib import contextmanager

import psycopg
import pytest

from tests.sql.bar_loads import (
    bars,
    begin,
    counts,
    finish,
    load,
    merge,
    minute,
    open_load,
    repeat,
    row,
    stage,
    stored,
    summary,
    undo,
    value,
)

YEAR = 366 * 24 * 60
ENSURE = "select stage1_internal.ensure_bar_partitions(%s, %s)"


class Session:
    """Something that runs in a thread of its own, in one transaction on a connection of its own."""

    def __init__(self, database, work):
        self.connection = database.connect(autocommit=False)
        self.answer = self.error = None
        self.thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self.thread.start()

    def _run(self, work):
        try:
            self.answer = work(self.connection)
            self.connection.commit()
        except psycopg.Error as error:
            self.error = error
            self.connection.rollback()

    def ended(self):
        """The answer, or the error that it ended with."""
        self.thread.join(60)
        assert not self.thread.is_alive()
        self.connection.close()
        return self.error or self.answer


@pytest.fixture
def waiting(database, wait_until_blocked):
    """Starts something and returns when it waits for a lock."""

    def start(work):
        started = Session(database, work)
        wait_until_blocked(started.connection)
        return started

    return start


@pytest.fixture
def prepared(database):
    """A database with the partition of 2024."""
    database.rows(ENSURE, minute(0), minute(0))
    return database


@contextmanager
def opened(database, symbols, chunk, name="a.dbn"):
    """A load that is open in another session, its first chunk merged."""
    with database.connect(autocommit=False) as connection:
        ingest = begin(connection, name)
        connection.commit()
        open_load(connection, ingest, symbols)
        stage(connection, chunk)
        merge(connection, ingest)
        yield connection, ingest


def no_waiting(connection):
    connection.execute("set lock_timeout = '2s'")
    return connection


def test_two_loads_of_the_same_symbols_in_opposite_orders_queue_up(prepared, waiting):
    with opened(prepared, ["B", "A"], bars("A", 0, 10) + bars("B", 0, 10)) as (first, ingest):
        second = waiting(lambda connection: load(connection, bars("B", 5, 15, close=7) + bars("A", 5, 15), name="b.dbn"))
        assert counts(finish(first, ingest)) == (20, 20, 0, 0)
        first.commit()
    assert counts(second.ended()) == (20, 10, 10, 5)
    with prepared.connect() as connection:
        assert summary(connection, "A") == (15, minute(0), minute(14), 100, 2)
        assert summary(connection, "B") == (15, minute(0), minute(14), 7, 2)


def test_many_loads_of_overlapping_symbols_at_once_count_every_bar_once(prepared):
    """Eight loads whose symbols overlap in every order: the sums are those of any order, and nobody fails."""
    symbols = [f"S{number}" for number in range(6)]
    together = threading.Barrier(8)

    def work(number):
        def run(connection):
            mine = symbols[number % 6 :] + symbols[: number % 6]
            ingest = begin(connection, f"{number}.dbn")
            connection.commit()
            together.wait(20)
            open_load(connection, ingest, mine)
            for symbol in mine:
                stage(connection, bars(symbol, number * 10, number * 10 + 20))
                merge(connection, ingest)
            return finish(connection, ingest)

        return run

    audits = [session.ended() for session in [Session(prepared, work(number)) for number in range(8)]]
    assert sum(audit["inserted_count"] for audit in audits) == 6 * 90
    assert sum(audit["updated_count"] for audit in audits) == 6 * 70
    with prepared.connect() as connection:
        assert {summary(connection, symbol)[:3] for symbol in symbols} == {(90, minute(0), minute(89))}
        assert connection.execute("select * from public.bar_summaries_differ").fetchall() == []


def test_loads_of_other_symbols_do_not_wait(prepared):
    with opened(prepared, ["A"], bars("A", 0, 3)), prepared.connect(autocommit=False) as second:
        assert counts(load(no_waiting(second), bars("B", 0, 3), name="b.dbn")) == (3, 3, 0, 0)


def test_a_load_whose_symbol_was_undone_away_meanwhile_begins_it_anew(prepared, waiting):
    with prepared.connect(autocommit=False) as connection:
        ingest = load(connection, bars("A", 0, 3))["id"]
        connection.commit()
        undo(connection, ingest)
        second = waiting(lambda connection: load(connection, bars("A", 0, 2), name="b.dbn"))
        connection.commit()
    assert counts(second.ended()) == (2, 2, 0, 0)
    with prepared.connect() as connection:
        assert summary(connection, "A") == (2, minute(0), minute(1), 100, 3)


def test_a_new_symbol_of_a_load_that_rolls_back_is_the_next_ones(prepared, waiting):
    with opened(prepared, ["A"], bars("A", 0, 3)) as (first, _):
        second = waiting(lambda connection: load(connection, bars("A", 0, 2), name="b.dbn"))
        first.rollback()
    assert counts(second.ended()) == (2, 2, 0, 0)


# --- partitions --------------------------------------------------------------------------------------------


def test_a_new_year_waits_for_no_load_and_no_reader_and_they_not_for_it(prepared):
    with (
        opened(prepared, ["A"], bars("A", 0, 3)) as (first, ingest),
        prepared.connect(autocommit=False) as reader,
        prepared.connect(autocommit=False) as maker,
    ):
        assert value(reader, "select count(*) from public.market_bars_ohlcv_1m") == 0
        assert value(no_waiting(maker), ENSURE, minute(YEAR), minute(YEAR)) == 1
        stage(no_waiting(first), bars("A", 3, 6))
        assert merge(first, ingest) == (3, 3, 0, 0)
        assert value(no_waiting(reader), "select count(*) from public.market_bars_ohlcv_1m") == 0
        maker.commit()
        stage(first, bars("A", YEAR, YEAR + 2))
        assert merge(first, ingest) == (2, 2, 0, 0)
        assert counts(finish(first, ingest)) == (8, 8, 0, 0)


def test_two_sessions_that_need_the_same_new_year_both_succeed(prepared, waiting):
    with prepared.connect(autocommit=False) as first:
        assert value(first, ENSURE, minute(YEAR), minute(YEAR)) == 1
        second = waiting(lambda connection: value(connection, ENSURE, minute(0), minute(2 * YEAR)))
        assert value(first, "select count(*) from pg_locks where relation = 'public.market_bars_ohlcv_1m'::regclass") > 0
        with prepared.connect() as third:
            # A year that is there locks nothing.
            assert value(no_waiting(third), ENSURE, minute(0), minute(0)) == 0
        first.commit()
    assert second.ended() == 1


# --- the audit row -----------------------------------------------------------------------------------------


def test_a_dead_load_is_taken_over_and_a_living_one_is_not(prepared):
    with opened(prepared, ["A"], bars("A", 0, 3)) as (first, living), prepared.connect() as second:
        assert value(no_waiting(second), "select status from public.data_ingest_runs") == "running"
        dead = begin(second)
        third = begin(second)
        found = second.execute("select id, status, error from public.data_ingest_runs order by id").fetchall()
        assert [(run["id"], run["status"]) for run in found] == [(living, "running"), (dead, "failed"), (third, "running")]
        assert found[1]["error"].startswith(
            f"taken over by ingest {third}: the load of process {second.info.backend_pid}, begun "
        )
        assert found[1]["error"].endswith(", ended without a word")
        assert finish(first, living)["status"] == "success"


def test_the_row_of_a_load_whose_process_is_gone_is_taken_over(prepared):
    with opened(prepared, ["A"], bars("A", 0, 3)) as (first, ingest):
        first.close()
    with prepared.connect() as second:
        begin(second)
        assert value(second, "select status from public.data_ingest_runs where id = %s", ingest) == "failed"
        assert (stored(second, "A"), summary(second, "A")) == ([], None)


def test_a_load_that_lives_is_not_taken_for_gone_whoever_began_it(prepared):
    """Behind a pooler the process that began it may have ended."""
    left = "select subject from public.ingests_left_running"
    with prepared.connect() as beginner:
        ingest = begin(beginner)
        assert beginner.execute(left).fetchall() == []
    with prepared.connect(autocommit=False) as first, prepared.connect() as second:
        second.execute("update public.data_ingest_runs set backend_pid = 0")
        open_load(first, ingest, ["A"])
        assert second.execute(left).fetchall() == []
        first.rollback()
        assert value(second, left) == f"ingest {ingest}"


def test_a_load_that_lives_cannot_be_undone(prepared):
    with opened(prepared, ["A"], bars("A", 0, 3)) as (first, ingest):
        with prepared.connect() as second, pytest.raises(psycopg.Error) as refused:
            undo(no_waiting(second), ingest)
        assert refused.value.sqlstate == "S1I09" and "is being loaded" in refused.value.diag.message_primary
        assert finish(first, ingest)["status"] == "success"


def test_a_failure_that_is_reported_for_a_living_load_waits_and_is_refused(prepared, waiting):
    with opened(prepared, ["A"], bars("A", 0, 3)) as (first, ingest):
        second = waiting(lambda connection: connection.execute("select stage1_internal.fail_ingest(%s, 'x')", [ingest]))
        finish(first, ingest)
        first.commit()
    assert second.ended().sqlstate == "S1I09"


def test_two_undos_of_one_ingest_remove_its_bars_once(prepared, waiting):
    with prepared.connect(autocommit=False) as first:
        ingest = load(first, bars("A", 0, 3))["id"]
        first.commit()
        undone = undo(first, ingest)
        second = waiting(lambda connection: undo(connection, ingest))
        first.commit()
    assert second.ended() == undone
    assert undone["removed_count"] == 3


def test_an_undo_and_a_load_of_the_same_symbols_queue_up(prepared, waiting):
    with prepared.connect(autocommit=False) as connection:
        ingest = load(connection, bars("A", 0, 3) + bars("B", 0, 3))["id"]
        connection.commit()
    with opened(prepared, ["A", "B"], bars("B", 2, 5) + bars("A", 1, 2, close=7), name="b.dbn") as (first, other):
        second = waiting(lambda connection: undo(connection, ingest))
        finish(first, other)
        first.commit()
    assert second.ended()["removed_count"] == 5
    with prepared.connect() as connection:
        assert summary(connection, "A") == (1, minute(1), minute(1), 7, 3)
        assert summary(connection, "B") == (2, minute(3), minute(4), 100, 3)


def test_the_shortcut_waits_for_an_undo_and_sees_it(prepared, waiting):
    with prepared.connect(autocommit=False) as first:
        ingest = load(first, bars("A", 0, 3))["id"]
        first.commit()
        undo(first, ingest)
        second = waiting(repeat)
        first.commit()
    assert second.ended() is None


def test_the_shortcut_waits_for_a_load_of_its_symbols_and_sees_what_it_changed(prepared, waiting):
    with prepared.connect(autocommit=False) as connection:
        load(connection, bars("A", 0, 3))
        connection.commit()
    with opened(prepared, ["A"], bars("A", 1, 2, close=7), name="b.dbn") as (first, ingest):
        second = waiting(repeat)
        finish(first, ingest)
        first.commit()
    assert second.ended() is None


def test_an_ingest_cannot_be_deleted_while_its_load_is_open(prepared, waiting):
    with opened(prepared, ["A"], bars("A", 0, 3)) as (first, ingest):
        second = waiting(lambda connection: connection.execute("delete from public.data_ingest_runs where id = %s", [ingest]))
        finish(first, ingest)
        first.commit()
    assert second.ended().sqlstate == "S1I08"
    with prepared.connect() as connection:
        assert row(connection, "select count(*) as n from public.market_bars_ohlcv_1m")["n"] == 3
