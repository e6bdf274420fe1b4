"""Two sessions that register one dataset at once, or undo its ingest meanwhile."""

import psycopg

from tests.concurrency.test_bar_loads_in_sql import waiting  # noqa: F401 - a fixture
from tests.sql.bar_loads import bars, load, undo
from tests.sql.test_dataset_manifests import ID, OTHER, SLUG, upsert

ROWS = "select m.dataset_id, m.size_bytes from public.dataset_manifests as m"


def test_both_of_two_succeed_with_one_row(database, waiting):  # noqa: F811
    with database.connect(autocommit=False) as first:
        assert upsert(first) == ID
        second = waiting(lambda connection: upsert(connection, size_bytes=6))
        first.commit()
    assert second.ended() == ID
    assert database.rows(ROWS) == [{"dataset_id": ID, "size_bytes": 6}]


def test_whoever_comes_second_with_another_id_adopts_the_first(database, waiting):  # noqa: F811
    with database.connect(autocommit=False) as first:
        assert upsert(first) == ID
        second = waiting(lambda connection: upsert(connection, dataset_id=OTHER))
        first.commit()
    assert second.ended() == ID
    assert len(database.rows(ROWS)) == 1


def test_a_desktop_client_and_the_pipeline_make_one_dataset(database, waiting):  # noqa: F811
    with database.connect(autocommit=False) as client:
        client.execute(
            "select public.upsert_stage1_dataset(%s, %s, 'AAPL', '1m', 'desk', 'o', 'i', 5, 5, null, null, null, null, '{}')",
            [OTHER, SLUG],
        )
        second = waiting(upsert)
        client.commit()
    assert second.ended() == OTHER
    assert database.value("select kind || ' ' || ohlcv_row_count from public.stage1_datasets") == "triplet 5"


def test_the_second_registers_alone_where_the_first_gives_up(database, waiting):  # noqa: F811
    with database.connect(autocommit=False) as first:
        upsert(first, dataset_id=OTHER)
        second = waiting(upsert)
        first.rollback()
    assert second.ended() == ID
    assert len(database.rows(ROWS)) == 1


def test_an_undo_waits_for_the_registration_and_a_registration_for_the_undo(database, waiting):  # noqa: F811
    with database.connect(autocommit=False) as connection:
        ingest = load(connection, bars("AAPL", 0, 10))["id"]
    with database.connect(autocommit=False) as first:
        upsert(first, ingest_id=ingest)
        undoing = waiting(lambda connection: undo(connection, ingest))
        first.commit()
    assert undoing.ended()["undone_at"] is not None
    assert [found["subject"] for found in database.rows("select * from public.manifests_without_bars")] == [SLUG]
    with database.connect(autocommit=False) as connection:
        again = load(connection, bars("AAPL", 0, 10), name="b.dbn")["id"]
    with database.connect(autocommit=False) as first:
        undo(first, again)
        registering = waiting(lambda connection: upsert(connection, ingest_id=again))
        first.commit()
    error = registering.ended()
    assert isinstance(error, psycopg.Error) and error.sqlstate == "S1I09"
