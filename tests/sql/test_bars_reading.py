"""What the functions that read bars and loads return, in which order, and what they refuse."""

from datetime import timedelta

import psycopg
import pytest

from tests.sql.bar_loads import START, bars, begin, load, minute, repeat, row, undo, value

YEAR = 366 * 24 * 60
STATS = ["row_count", "min_ts", "max_ts", "latest_close", "latest_ts", "symbol", "timeframe", "vendor", "message"]
READS = {
    "fn_bars": ("A",),
    "fn_latest_bars": (),
    "fn_list_bar_stats": (),
    "fn_list_ingests": (),
}


def rows(db, function, *arguments):
    given = ", ".join(["%s"] * len(arguments))
    return db.execute(f"select * from public.{function}({given})", arguments).fetchall()


def minutes(found):
    return [(bar["symbol"], (bar["ts"] - START) // timedelta(minutes=1)) for bar in found]


def refusal(db, sqlstate, function, *arguments):
    with pytest.raises(psycopg.Error) as refused, db.transaction():
        rows(db, function, *arguments)
    assert refused.value.sqlstate == sqlstate
    assert refused.value.diag.message_hint
    return refused.value.diag.message_primary


@pytest.fixture
def loaded(db):
    """Bars of A in two years, of B in one, by two ingests."""
    first = load(db, bars("A", 0, 10) + bars("B", 0, 4, close=8))
    second = load(db, bars("A", 8, 10, close=6) + bars("A", YEAR, YEAR + 2, close=5), name="b.dbn")
    return first["id"], second["id"]


@pytest.mark.parametrize(("function", "arguments"), READS.items())
def test_an_empty_database_has_no_rows(db, function, arguments):
    assert rows(db, function, *arguments) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("A",), [*range(10), YEAR, YEAR + 1]),
        (("A", minute(3), minute(6)), [3, 4, 5]),
        (("A", minute(9), None), [9, YEAR, YEAR + 1]),
        (("A", None, minute(2)), [0, 1]),
        (("A", minute(8), None, 3), [8, 9, YEAR]),
        (("A", minute(3), minute(3)), []),
        (("B", None, None, 100), [0, 1, 2, 3]),
        (("a",), []),
    ],
)
def test_bars_of_a_symbol_lie_in_a_half_open_range_in_order(loaded, db, arguments, expected):
    assert minutes(rows(db, "fn_bars", *arguments)) == [(arguments[0], number) for number in expected]


def test_what_no_range_is_is_refused(db):
    assert refusal(db, "S1A01", "fn_bars", None).startswith("p_symbol was null")
    assert refusal(db, "S1A03", "fn_bars", "A", minute(2), minute(1)).startswith("p_until was 2024-01-02")
    assert refusal(db, "S1A02", "fn_bars", "A", None, None, 0).startswith("p_limit was 0")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), [("A", YEAR + 1), ("B", 3)]),
        (("A",), [("A", YEAR + 1)]),
        (("A", 4), [("A", YEAR + 1), ("A", YEAR), ("A", 9), ("A", 8)]),
        ((None, 2), [("A", YEAR + 1), ("A", YEAR), ("B", 3), ("B", 2)]),
        (("nobody's",), []),
    ],
)
def test_the_latest_bars_of_one_symbol_or_of_all_are_the_newest_first(loaded, db, arguments, expected):
    assert minutes(rows(db, "fn_latest_bars", *arguments)) == expected


@pytest.mark.parametrize("limit", [0, None, 10001])
def test_a_number_of_latest_bars_out_of_range_is_refused(db, limit):
    assert refusal(db, "S1A02", "fn_latest_bars", "A", limit).startswith("p_limit was")


def test_stats_are_the_source_s_fields_in_order(loaded, db):
    (found,) = rows(db, "fn_bar_stats", "A")
    assert list(found) == STATS
    assert list(found.values()) == [12, minute(0), minute(YEAR + 1), 5, minute(YEAR + 1), "A", "1m", "databento", None]
    assert rows(db, "fn_list_bar_stats") == [found, *rows(db, "fn_bar_stats", "B")]


def test_stats_of_a_symbol_without_bars_say_so(db):
    (found,) = rows(db, "fn_bar_stats", "CME_MINI:MNQ1!")
    expected = [0, None, None, None, None, "CME_MINI:MNQ1!", "1m", "databento", "No data ingested yet"]
    assert list(found.items()) == list(zip(STATS, expected, strict=True))
    for symbol in (None, "", " "):
        assert refusal(db, "S1A01", "fn_bar_stats", symbol).startswith("p_symbol was")


def test_the_bars_of_an_ingest_are_those_that_it_still_owns(loaded, db):
    first, second = loaded
    expected = [*(("A", number) for number in range(8)), *(("B", number) for number in range(4))]
    assert minutes(rows(db, "fn_ingest_bars", first)) == expected
    assert minutes(rows(db, "fn_ingest_bars", first, 5, 6)) == expected[6:11]
    assert minutes(rows(db, "fn_ingest_bars", second)) == [("A", 8), ("A", 9), ("A", YEAR), ("A", YEAR + 1)]
    undo(db, second)
    assert rows(db, "fn_ingest_bars", second) == []


def test_symbols_and_rejects_of_an_ingest_come_in_pages(loaded, db):
    first, _ = loaded
    db.execute(
        "insert into public.data_ingest_rejects (ingest_id, position, reason)"
        " select %s, n, 'x' from generate_series(9, 1, -1) as n",
        [first],
    )
    assert [line["symbol"] for line in rows(db, "fn_ingest_symbols", first)] == ["A", "B"]
    assert [line["symbol"] for line in rows(db, "fn_ingest_symbols", first, 1, 1)] == ["B"]
    assert [line["position"] for line in rows(db, "fn_ingest_rejects", first, 3, 2)] == [3, 4, 5]


@pytest.mark.parametrize("function", ["fn_show_ingest", "fn_ingest_symbols", "fn_ingest_rejects", "fn_ingest_bars"])
def test_an_unknown_ingest_is_refused(db, function):
    assert refusal(db, "S1I07", function, 4711).startswith("p_ingest_id was 4711")
    assert refusal(db, "S1I07", function, None).startswith("p_ingest_id was null")


@pytest.mark.parametrize("function", ["fn_ingest_symbols", "fn_ingest_rejects", "fn_ingest_bars"])
def test_a_page_out_of_range_is_refused(db, function):
    ingest = begin(db)
    assert refusal(db, "S1A02", function, ingest, 0).startswith("p_limit was 0")
    assert refusal(db, "S1A02", function, ingest, 1, -1).startswith("p_offset was -1")


def test_ingests_are_listed_newest_first_by_page_and_status(loaded, db):
    first, second = loaded
    running, again = begin(db, "c.dbn"), repeat(db, "b.dbn")["id"]
    assert [found["id"] for found in rows(db, "fn_list_ingests")] == [again, running, second, first]
    assert [found["id"] for found in rows(db, "fn_list_ingests", 2, 1)] == [running, second]
    assert [found["id"] for found in rows(db, "fn_list_ingests", 50, 0, "running")] == [running]
    assert [found["id"] for found in rows(db, "fn_list_ingests", 1, 1, "success")] == [second]
    assert rows(db, "fn_list_ingests", 50, 0, "failed") == []
    assert refusal(db, "S1A02", "fn_list_ingests", 50, 0, "done").startswith("p_status was 'done'")
    assert refusal(db, "S1A02", "fn_list_ingests", 0).startswith("p_limit was 0")


def test_an_ingest_is_shown_as_its_audit_row(loaded, db):
    (found,) = rows(db, "fn_show_ingest", loaded[0])
    assert found == row(db, "select * from public.data_ingest_runs where id = %s", loaded[0])
    source = [
        *("id", "vendor", "dataset", "file_name", "file_sha256", "started_at", "finished_at", "row_count"),
        *("inserted_count", "updated_count", "min_ts", "max_ts", "status", "error"),
    ]
    assert list(found)[:14] == source


def test_the_bars_have_the_source_s_columns_in_order(db):
    names = value(
        db,
        "select array_agg(column_name::text order by ordinal_position) from information_schema.columns"
        " where table_name = 'market_bars_ohlcv_1m'",
    )
    prices = ["open", "high", "low", "close", "volume"]
    assert names == ["vendor", "schema", "symbol", "ts", "ts_ms", *prices, "ingestion_run_id", "created_at"]
