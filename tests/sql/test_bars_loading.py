"""What a load writes, counts and refuses: open_bar_load, merge_staged_bars, finish_bar_load."""

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
    row,
    stage,
    stored,
    summary,
    value,
)

ENSURE = "select stage1_internal.ensure_bar_partitions(%s, %s)"


@pytest.fixture
def opened(db):
    """An ingest that is open for A and B, on a database with the partitions of 2024."""
    db.execute(ENSURE, [minute(0), minute(0)])
    ingest = begin(db)
    open_load(db, ingest, ["B", "A"])
    return ingest


# --- what is counted ---------------------------------------------------------------------------------------


def test_a_first_load_inserts_every_bar_and_writes_summary_lineage_and_audit_row(db):
    audit = load(db, bars("A", 0, 5) + bars("B", 2, 4), bars("A", 5, 10, close=7), name="a.dbn")
    assert counts(audit) == (12, 12, 0, 0)
    assert (audit["status"], audit["min_ts"], audit["max_ts"]) == ("success", minute(0), minute(9))
    assert audit["finished_at"] >= audit["started_at"]
    assert summary(db, "A") == (10, minute(0), minute(9), 7, 1)
    assert summary(db, "B") == (2, minute(2), minute(3), 100, 1)
    lineage = db.execute("select * from public.fn_ingest_symbols(%s)", [audit["id"]]).fetchall()
    assert [(line["symbol"], *counts(line), line["first_ts"], line["last_ts"], line["version"]) for line in lineage] == [
        ("A", 10, 10, 0, 0, minute(0), minute(9), 1),
        ("B", 2, 2, 0, 0, minute(2), minute(3), 1),
    ]
    bar = row(db, "select * from public.market_bars_ohlcv_1m where symbol = 'A' and ts = %s", minute(9))
    prices = ("open", "high", "low", "close", "volume")
    assert [bar[name] for name in prices] == [7, 8, 6, 7, 10]
    assert (bar["vendor"], bar["schema"], bar["ingestion_run_id"]) == ("databento", "ohlcv-1m", audit["id"])
    assert bar["ts_ms"] == int(minute(9).timestamp()) * 1000


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (bars("A", 0, 10) + bars("B", 0, 10), (20, 0, 20, 0)),
        (bars("A", 0, 10, close=5) + bars("B", 0, 10), (20, 0, 20, 10)),
        (bars("A", 10, 20) + bars("B", 10, 20), (20, 20, 0, 0)),
        (bars("A", 5, 15) + bars("B", 5, 15), (20, 10, 10, 0)),
        (bars("A", 8, 9, close=5) + bars("A", 9, 12) + bars("C", 0, 3), (7, 5, 2, 1)),
    ],
    ids=["the same", "one symbol changed", "later", "half of it known", "some of each"],
)
def test_a_second_load_counts_exactly_what_it_inserted_met_and_rewrote(db, second, expected):
    first = load(db, bars("A", 0, 10) + bars("B", 0, 10))
    before = {(symbol, number): owner for symbol in "AB" for number, _, owner in stored(db, symbol)}
    audit = load(db, second, name="b.dbn")
    assert counts(audit) == expected
    brought = {(symbol, number): close for symbol, number, close in second}
    for symbol in "ABC":
        for number, close, owner in stored(db, symbol):
            wanted = brought.get((symbol, number), 100)
            assert close == wanted
            changed = (symbol, number) in brought and ((symbol, number) not in before or wanted != 100)
            assert owner == (audit["id"] if changed else first["id"])
        found = stored(db, symbol)
        if found:
            assert summary(db, symbol)[:4] == (len(found), minute(found[0][0]), minute(found[-1][0]), found[-1][1])


def test_chunks_of_one_load_are_counted_together(db):
    load(db, bars("A", 3, 6))
    audit = load(db, bars("A", 0, 4), bars("A", 4, 5, close=9), bars("A", 5, 8), name="b.dbn")
    assert counts(audit) == (8, 5, 3, 1)
    assert summary(db, "A") == (8, minute(0), minute(7), 100, 2)


def test_an_unchanged_load_leaves_summary_and_bars_as_they_are(db):
    load(db, bars("A", 0, 5))
    look = "select s.xmin::text, s.* from public.market_bar_symbols as s"
    before = row(db, look)
    pages = "select array_agg((b.ctid, b.xmin)::text order by b.ts) from public.market_bars_ohlcv_1m as b"
    rows = value(db, pages)
    audit = load(db, bars("A", 0, 5), name="b.dbn")
    assert counts(audit) == (5, 0, 5, 0)
    assert (row(db, look), value(db, pages)) == (before, rows)
    assert value(db, "select version from public.fn_ingest_symbols(%s)", audit["id"]) == 1


def test_a_changed_bar_keeps_its_created_at_and_the_newest_moves_the_latest_close(db):
    load(db, bars("A", 0, 5))
    db.execute("update public.market_bars_ohlcv_1m set created_at = '2020-01-01Z'")
    load(db, bars("A", 4, 5, close=3), name="b.dbn")
    assert value(db, "select count(*) from public.market_bars_ohlcv_1m where created_at = '2020-01-01Z'") == 5
    assert summary(db, "A") == (5, minute(0), minute(4), 3, 2)


def test_numbers_are_exact_and_a_value_of_another_scale_is_not_a_change(db, opened):
    wide = "9223372036.854775806"
    line = f"A\t28401120\t-{wide}\t{wide}\t-{wide}\t0\t18446744073709551615\n"
    with db.cursor().copy("copy pg_temp.staged_bars from stdin") as copy:
        copy.write(line)
    assert merge(db, opened) == (1, 1, 0, 0)
    with db.cursor().copy("copy pg_temp.staged_bars from stdin") as copy:
        copy.write(line.replace("\t0\t", "\t0.000\t"))
    assert merge(db, opened) == (1, 0, 1, 0)
    bar = row(db, "select open::text, high::text, close::text, volume::text from public.market_bars_ohlcv_1m")
    assert list(bar.values()) == [f"-{wide}", wide, "0", "18446744073709551615"]


def test_a_null_volume_is_kept_and_counts_as_a_difference(db, opened):
    insert = "insert into pg_temp.staged_bars values ('A', 28401120, 1, 1, 1, 1, %s)"
    for volume, expected in ((None, (1, 1, 0, 0)), (None, (1, 0, 1, 0)), (5, (1, 0, 1, 1)), (None, (1, 0, 1, 1))):
        db.execute(insert, [volume])
        assert merge(db, opened) == expected
    assert value(db, "select volume from public.market_bars_ohlcv_1m") is None


def test_a_chunk_without_bars_is_nothing(db, opened):
    assert merge(db, opened) == (0, 0, 0, 0)
    audit = finish(db, opened)
    assert (counts(audit), audit["status"], audit["min_ts"]) == ((0, 0, 0, 0), "success", None)
    assert value(db, "select count(*) from public.market_bar_symbols") == 0


def test_rejects_and_details_are_kept_and_counted(db, opened):
    stage(db, bars("A", 0, 3))
    merge(db, opened)
    db.execute("insert into pg_temp.staged_rejects values (7, 'high below low', 'A', %s, %s)", [minute(3), b"\x01\x02"])
    audit = finish(db, opened, rejected=1, details='{"publishers": [2]}')
    assert (*counts(audit), audit["rejected_count"], audit["details"]) == (4, 3, 0, 0, 1, {"publishers": [2]})
    (reject,) = db.execute("select * from public.fn_ingest_rejects(%s)", [opened]).fetchall()
    assert list(reject.values()) == [opened, 7, "high below low", "A", minute(3), b"\x01\x02"]


# --- origin ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"dataset": "DBEQ.BASIC"}, {"origin": "derived"}], ids=["dataset", "origin"])
def test_bars_of_another_dataset_or_origin_are_refused_with_the_choice_unless_it_is_meant(db, refused, given):
    load(db, bars("A", 0, 5) + bars("B", 0, 5))
    message = refused("S1I06", lambda: load(db, bars("C", 0, 1) + bars("B", 0, 1, close=3), name="b.dbn", **given))
    assert message.startswith("B holds 5 bars of databento XNAS.ITCH, made by the vendor; b.dbn has bars of databento ")
    audit = load(db, bars("B", 0, 1, close=3), name="b.dbn", replace_origin=True, **given)
    assert counts(audit) == (1, 0, 1, 1)
    held = row(db, "select dataset, origin from public.market_bar_symbols where symbol = 'B'")
    assert held == {"dataset": "XNAS.ITCH", "origin": "vendor"} | given
    assert refused("S1I06", lambda: load(db, bars("B", 0, 1), name="c.dbn")).startswith("B holds 5 bars")
    assert counts(load(db, bars("A", 0, 1), name="c.dbn")) == (1, 0, 1, 0)


# --- what is refused ---------------------------------------------------------------------------------------


def test_a_symbol_that_was_not_named_is_refused(db, opened, refused):
    stage(db, bars("A", 0, 1) + bars("Z", 0, 1))
    assert refused("S1I04", lambda: merge(db, opened)).startswith("Z was staged")


@pytest.mark.parametrize("call", [merge, finish], ids=["merge_staged_bars", "finish_bar_load"])
def test_only_the_ingest_that_is_open_goes_on(db, refused, call):
    ingest = begin(db)
    assert "no ingest is" in refused("S1I09", lambda: call(db, ingest))
    open_load(db, ingest, ["A"])
    assert f"ingest {ingest} is" in refused("S1I09", lambda: call(db, ingest + 1))
    finish(db, ingest)
    assert "no ingest is" in refused("S1I09", lambda: call(db, ingest))


def test_staging_tables_of_somebody_else_do_not_count(db, refused):
    ingest = begin(db)
    db.execute("create temp table opened_load as select %s::bigint as ingest_id, '{A}'::text[] as symbols", [ingest])
    for name in ("staged_symbols", "staged_rejects"):
        db.execute(f"create temp table {name} ()")
    db.execute("create temp table staged_bars as select 'A'::text as symbol, 1 as minute")
    assert "no ingest is" in refused("S1I09", lambda: merge(db, ingest))
    assert "staged_bars" in refused("S1I09", lambda: open_load(db, ingest, ["A"]))


def test_a_second_load_in_the_same_transaction_has_to_wait_for_the_end_of_the_first(db, opened, refused):
    other = begin(db, "b.dbn")
    assert "opened_load" in refused("S1I09", lambda: open_load(db, other, ["C"]))
    finish(db, opened)
    open_load(db, other, ["C"])


def test_what_cannot_be_opened(db, refused):
    done = load(db, bars("A", 0, 1))["id"]
    assert "it is loaded already" in refused("S1I09", lambda: open_load(db, done, ["A"]))
    undone = begin(db, "b.dbn")
    db.execute("select public.undo_ingest(%s)", [undone])
    assert "it is undone" in refused("S1I09", lambda: open_load(db, undone, ["A"]))
    unknown_dataset = begin(db, "c.dbn", dataset=None)
    assert "not known" in refused("S1I09", lambda: open_load(db, unknown_dataset, ["A"]))
    assert "12345" in refused("S1I07", lambda: open_load(db, 12345, ["A"]))
    running = begin(db, "d.dbn")
    for symbols in (["A", None], [""], [" "]):
        assert "null or empty" in refused("S1A02", lambda symbols=symbols: open_load(db, running, symbols))
    call = "select stage1_internal.open_bar_load(%s, null)"
    assert "p_symbols was null" in refused("S1A01", lambda: db.execute(call, [running]))


def test_a_load_that_was_taken_over_wrongly_is_running_again(db):
    ingest = begin(db)
    db.execute("update public.data_ingest_runs set status = 'failed', error = 'taken over', finished_at = now()")
    open_load(db, ingest, ["A"])
    found = row(db, "select status, error, finished_at, backend_pid from public.data_ingest_runs")
    assert list(found.values()) == ["running", None, None, db.info.backend_pid]


def test_a_load_with_an_unmerged_chunk_or_another_number_of_rejects_does_not_end(db, opened, refused):
    assert "staged 0 rejected records; 2 were" in refused("S1I05", lambda: finish(db, opened, rejected=2))
    assert "null were announced" in refused("S1I05", lambda: finish(db, opened, rejected=None))
    stage(db, bars("A", 0, 1))
    assert "not merged" in refused("S1I09", lambda: finish(db, opened))


@pytest.mark.parametrize("column", ["symbol", "minute", "open", "high", "low", "close"])
def test_a_null_is_refused_when_it_is_staged(db, opened, column):
    given = {"symbol": "A", "minute": 1, "open": 1, "high": 1, "low": 1, "close": 1} | {column: None}
    with pytest.raises(psycopg.errors.NotNullViolation), db.transaction():
        db.execute("insert into pg_temp.staged_bars values (%s, %s, %s, %s, %s, %s, 1)", list(given.values()))


@pytest.mark.parametrize("prices", [(2, 1, 1, 1), (1, 1, 1, 2), (1, 2, 2, 2), (2, 3, 2, 1), (2, 1, 3, 2)])
def test_prices_that_contradict_each_other_are_refused_by_the_table(db, opened, prices):
    db.execute("insert into pg_temp.staged_bars values ('A', 28401120, %s, %s, %s, %s, 1)", list(prices))
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        merge(db, opened)


def test_an_owner_who_may_not_make_temporary_tables_says_so(db, refused):
    ingest = begin(db)
    name = value(db, "select current_database()")
    db.execute(f"revoke temporary on database {name} from public")
    message = refused("42501", lambda: open_load(db, ingest, ["A"]))
    assert message.startswith("stage1_owner owns the loading functions and may not make temporary tables")
    (gap,) = db.execute("select gap, remedy from stage1_internal.role_gaps where step = 3").fetchall()
    assert gap["remedy"] == f"grant temporary on database {name} to stage1_owner"
    db.execute(gap["remedy"])
    open_load(db, ingest, ["A"])
