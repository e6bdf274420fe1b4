"""Do the checks of bars look at what changed since they were found right, at all of that, and at nothing else?"""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.sql.bar_loads import bars, begin, load, minute, row, summary, undo, value

BAR_CHECKS = ("bar_summaries_differ", "bars_without_ingest")


def findings(db, check):
    return db.execute(f"select * from public.{check}").fetchall()


def wrong(db, recount="changed"):
    """What either check finds: (check, symbol), in order."""
    db.execute("select set_config('stage1.recount', %s, true)", [recount])
    return [(check, found["subject"]) for check in BAR_CHECKS for found in findings(db, check)]


def recounted(db):
    """The symbols that are counted again."""
    db.execute("set local stage1.recount = 'changed'")
    return [found["symbol"] for found in db.execute("select symbol from stage1_internal.symbols_to_recount order by 1")]


def validate(db, *symbols_found_wrong, results=(), taken=None):
    """Writes down that all but these symbols were found right; `taken` is an earlier answer of recounted_summaries."""
    taken = taken or value(db, "select stage1_internal.recounted_summaries('changed')::text")
    now = datetime.now(UTC).isoformat()
    run = {"started_at": now, "finished_at": now, "complete": True, "deep": False, "results": list(results)}
    return value(
        db,
        "select stage1_internal.record_validation(%s::jsonb, %s::jsonb, %s::text[])",
        json.dumps(run),
        taken,
        list(symbols_found_wrong),
    )


@pytest.fixture
def validated(db):
    """Three symbols that were found right once: A and B by two loads, C by one."""
    load(db, bars("A", 100, 200) + bars("B", 100, 200), name="first.dbn")
    load(db, bars("A", 200, 210) + bars("B", 200, 210) + bars("C", 0, 10), name="second.dbn")
    assert wrong(db) == []
    validate(db)
    return db


def number(db, name):
    """The id of the newest load of a file."""
    return value(db, "select max(id) from public.data_ingest_runs where file_name = %s", name)


CHANGES = {
    "bars are appended": lambda db: load(db, bars("A", 210, 230), name="b.dbn"),
    "bars are put before": lambda db: load(db, bars("A", 50, 60), name="b.dbn"),
    "bars are put on both sides": lambda db: load(db, bars("A", 50, 250), name="b.dbn"),
    "bars are appended in another year": lambda db: load(db, bars("A", 600_000, 600_010), name="b.dbn"),
    "bars in the middle are replaced": lambda db: load(db, bars("A", 120, 130, close=7), name="b.dbn"),
    "two loads overlap": lambda db: [load(db, bars("A", 205, 230, close=close), name=f"{close}.dbn") for close in (7, 8)],
    "the newest load is undone": lambda db: undo(db, number(db, "second.dbn")),
    "an older load is undone": lambda db: undo(db, number(db, "first.dbn")),
    "a load since is undone": lambda db: undo(db, load(db, bars("A", 190, 230, close=3), name="b.dbn")["id"]),
    "all of it is undone": lambda db: [undo(db, number(db, name)) for name in ("first.dbn", "second.dbn")],
    "it is undone and loaded again": lambda db: [
        *(undo(db, number(db, name)) for name in ("first.dbn", "second.dbn")),
        load(db, bars("A", 0, 300), name="b.dbn"),
    ],
    "its origin is another": lambda db: load(db, bars("A", 100, 130), name="b.dbn", dataset="GLBX.MDP3", replace_origin=True),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_load_or_undo_is_counted_again_and_found_right(validated, change):
    assert recounted(validated) == []
    change(validated)
    assert "A" in recounted(validated)
    assert wrong(validated) == wrong(validated, "all") == wrong(validated, "") == []
    validate(validated)
    assert recounted(validated) == []


BREAKAGES = {
    "delete from public.market_bars_ohlcv_1m where symbol = 'A' and ts = %s": "bar_summaries_differ",
    "update public.market_bars_ohlcv_1m set ingestion_run_id = 99999 where symbol = 'A' and ts = %s": "bars_without_ingest",
}


@pytest.mark.parametrize(("statement", "place"), [(each, place) for each in BREAKAGES for place in (190, 215, 229)][1:])
def test_what_is_wrong_with_bars_that_were_loaded_since_is_found(validated, statement, place):
    """But for the first case: a bar that goes from among the old ones is found by a count of all bars alone."""
    load(validated, bars("A", 190, 230, close=7), name="b.dbn")
    validated.execute(statement, [minute(place)])
    expected = [(BREAKAGES[statement], "A")]
    assert wrong(validated) == wrong(validated, "") == wrong(validated, "all") == expected


@pytest.mark.parametrize("statement", BREAKAGES)
def test_what_is_wrong_with_bars_that_nothing_touched_since_is_found_by_a_deep_recount_alone(validated, statement):
    validated.execute(statement, [minute(150)])
    assert wrong(validated) == wrong(validated, "") == []
    assert wrong(validated, "all") == [(BREAKAGES[statement], "A")]


def test_a_night_reads_the_bars_of_that_night_alone(validated):
    """An old bar that is wrong is not seen: what is not read costs nothing."""
    validated.execute(
        "update public.market_bars_ohlcv_1m set ingestion_run_id = 99999 where symbol = 'A' and ts = %s", [minute(150)]
    )
    load(validated, bars("A", 210, 230), name="b.dbn")
    assert wrong(validated) == []
    load(validated, bars("A", 145, 155, close=7), name="c.dbn")
    validated.execute(
        "update public.market_bars_ohlcv_1m set ingestion_run_id = 99999 where symbol = 'A' and ts = %s", [minute(150)]
    )
    assert wrong(validated) == [("bars_without_ingest", "A")]


REFILLS = {
    "filled in, and appended": (lambda db: load(db, bars("A", 110, 120) + bars("A", 140, 145), name="b.dbn"), 5),
    "filled in alone": (lambda db: load(db, bars("A", 110, 115), name="b.dbn"), 0),
    "removed, of a load from before": (lambda db: undo(db, number(db, "middle.dbn")), 0),
    "removed, of a load since": (lambda db: undo(db, load(db, bars("A", 105, 112, close=7), name="b.dbn")["id"]), 0),
}


@pytest.mark.parametrize(("change", "counted"), REFILLS.values(), ids=list(REFILLS))
def test_a_summary_that_did_not_hear_of_bars_among_those_that_were_right_is_found(db, change, counted):
    """It is what the old count and the bars on either side add up to, and not what is there."""
    load(db, bars("A", 100, 110) + bars("A", 120, 140), name="first.dbn")
    load(db, bars("A", 130, 135, close=7), name="middle.dbn")
    assert wrong(db) == []
    validate(db)
    change(db)
    assert wrong(db) == []
    db.execute("update public.market_bar_symbols set bar_count = %s where symbol = 'A'", [30 + counted])
    expected = [("bar_summaries_differ", "A")]
    assert wrong(db) == wrong(db, "") == wrong(db, "all") == expected
    validate(db, "A")
    assert recounted(db) == ["A"]


SUMMARIES = {
    "update public.market_bar_symbols set bar_count = bar_count - 1": 1,
    "update public.market_bar_symbols set first_ts = first_ts - interval '1 min'": 1,
    "update public.market_bar_symbols set last_ts = last_ts - interval '1 min'": 1,
    "update public.market_bar_symbols set latest_close = 1": 1,
    "update public.market_bar_symbols set dataset = 'GLBX.MDP3'": 1,
    "update public.market_bar_symbols set origin = 'derived'": 1,
    "delete from public.market_bar_symbols": 1,
    "update public.market_bar_symbols set version = version + 1": 0,
}


@pytest.mark.parametrize("statement", SUMMARIES)
def test_a_summary_that_was_changed_by_hand_is_counted_again(validated, statement):
    validated.execute(f"{statement} where symbol = 'B'")
    assert recounted(validated) == ["B"]
    assert wrong(validated) == [("bar_summaries_differ", "B")] * SUMMARIES[statement]


def test_bars_that_were_put_in_by_hand_with_their_summary_are_bars_without_their_load(validated):
    validated.execute(
        "insert into public.market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, ingestion_run_id)"
        " values ('C', %s, 0, 1, 1, 1, 1, %s)",
        [minute(20), number(validated, "second.dbn")],
    )
    assert wrong(validated) == []
    validated.execute(
        "update public.market_bar_symbols set bar_count = 11, last_ts = %s, latest_close = 1 where symbol = 'C'", [minute(20)]
    )
    assert wrong(validated) == [("bars_without_ingest", "C")]


def test_symbols_without_a_summary_are_found_where_all_bars_are_counted(validated):
    validated.execute("delete from public.market_bar_symbols where symbol = 'A'")
    validated.execute("delete from stage1_internal.bar_recounts where symbol = 'A'")
    assert wrong(validated) == []
    assert wrong(validated, "all") == [("bar_summaries_differ", "A")]


# --- what is remembered ------------------------------------------------------------------------------------


def test_a_symbol_that_was_found_wrong_is_counted_whole_until_it_is_right(validated):
    validated.execute("update public.market_bar_symbols set bar_count = 9 where symbol = 'A'")
    validate(validated, "A")
    assert value(validated, "select array_agg(symbol order by symbol) from stage1_internal.bar_recounts") == ["B", "C"]
    assert recounted(validated) == ["A"]
    validated.execute("update public.market_bar_symbols set bar_count = 110 where symbol = 'A'")
    assert recounted(validated) == ["A"]
    assert wrong(validated) == []
    validate(validated)
    assert recounted(validated) == []


def test_what_a_snapshot_found_right_is_not_what_came_after_it(validated):
    load(validated, bars("A", 210, 220), name="b.dbn")
    taken = value(validated, "select stage1_internal.recounted_summaries('changed')::text")
    seen = summary(validated, "A")
    load(validated, bars("A", 220, 230), name="c.dbn")
    validated.execute(
        "update public.market_bars_ohlcv_1m set ingestion_run_id = 99999 where symbol = 'A' and ts = %s", [minute(225)]
    )
    validate(validated, taken=taken)
    kept = row(
        validated,
        "select bar_count, first_ts, last_ts, latest_close, version from stage1_internal.bar_recounts where symbol = 'A'",
    )
    assert tuple(kept.values()) == seen
    assert recounted(validated) == ["A"]
    assert wrong(validated) == [("bars_without_ingest", "A")]


def test_a_symbol_that_is_gone_is_forgotten(validated):
    for name in ("second.dbn", "first.dbn"):
        undo(validated, number(validated, name))
    assert recounted(validated) == ["A", "B", "C"]
    assert wrong(validated) == []
    validate(validated)
    assert value(validated, "select count(*) from stage1_internal.bar_recounts") == 0


def test_prices_and_times_are_remembered_exactly(db):
    load(db, bars("A", 0, 3, close=Decimal("9007199254740993.123456789")))
    validate(db)
    assert recounted(db) == []


def test_whoever_asks_in_between_counts_a_million_bars_the_last_changed_symbols_first(db):
    db.execute(
        "insert into public.market_bar_symbols"
        " (symbol, vendor, dataset, origin, bar_count, first_ts, last_ts, latest_close, updated_at)"
        " select 'S' || n, 'v', 'd', 'vendor', 400000, now(), now(), 1, now() - n * interval '1 year'"
        " from generate_series(1, 9) as n"
    )
    assert wrong(db, "") == [("bar_summaries_differ", f"S{n}") for n in (1, 2, 3)]
    assert len(wrong(db, "changed")) == 9
    # What was found right once counts with the bars that came since.
    validate(db)
    db.execute("update public.market_bar_symbols set bar_count = bar_count + 100000, version = version + 1")
    assert len(wrong(db, "")) == 9
    # All of it, where a load filled in bars among them: the sum of old and new says nothing then.
    ingest = begin(db)
    db.execute(
        "insert into public.data_ingest_symbols"
        " (ingest_id, symbol, row_count, inserted_count, updated_count, changed_count, first_ts, last_ts, version)"
        " select %s, symbol, 1, 1, 0, 0, now(), now(), version from public.market_bar_symbols",
        [ingest],
    )
    assert len(wrong(db, "")) == 2
