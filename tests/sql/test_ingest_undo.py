"""What undo_ingest removes and restores, what keeps an ingest that has bars, and whose types the functions use."""

import psycopg
import pytest

from tests.sql.bar_loads import bars, begin, counts, load, minute, open_load, row, stored, summary, undo, value


def fail(db, ingest, error="cut short"):
    db.execute("select stage1_internal.fail_ingest(%s, %s)", [ingest, error])


def test_undo_removes_what_the_ingest_still_owns_and_restores_the_summary(db):
    first = load(db, bars("A", 0, 10) + bars("B", 0, 2))
    before = (stored(db, "A"), summary(db, "A")[:4], summary(db, "B"))
    second = load(db, bars("A", 5, 15) + bars("C", 0, 4), name="b.dbn")
    undone = undo(db, second["id"])
    assert (undone["removed_count"], undone["details"]) == (9, {"removed_rewritten": 0})
    assert (undone["status"], undone["undone_at"] is None) == ("success", False)
    assert (stored(db, "A"), summary(db, "A")[:4], summary(db, "B")) == before
    assert (stored(db, "C"), summary(db, "C")) == ([], None)
    assert undo(db, second["id"]) == undone
    assert undo(db, first["id"])["removed_count"] == 12
    assert value(db, "select count(*) from public.market_bars_ohlcv_1m") == 0
    assert value(db, "select count(*) from public.market_bar_symbols") == 0
    assert value(db, "select count(*) from public.data_ingest_runs") == 2


def test_undo_takes_the_bars_that_it_rewrote_along_and_says_how_many(db):
    load(db, bars("A", 0, 10))
    # Loads of one transaction have one time; those of two have not.
    db.execute("update public.market_bars_ohlcv_1m set created_at = created_at - interval '1 day'")
    second = load(db, bars("A", 8, 12, close=7), name="b.dbn")
    undone = undo(db, second["id"])
    assert (undone["removed_count"], undone["details"]) == (4, {"removed_rewritten": 2})
    assert summary(db, "A") == (8, minute(0), minute(7), 100, 3)
    assert counts(load(db, bars("A", 0, 10))) == (10, 2, 8, 0)


def test_undo_leaves_what_a_later_load_rewrote(db):
    first = load(db, bars("A", 0, 10))
    second = load(db, bars("A", 0, 3, close=7), name="b.dbn")
    assert undo(db, first["id"])["removed_count"] == 7
    assert stored(db, "A") == [(number, 7, second["id"]) for number in range(3)]
    assert summary(db, "A") == (3, minute(0), minute(2), 7, 3)


def test_undo_of_an_ingest_that_owns_nothing_changes_no_symbol(db):
    load(db, bars("A", 0, 3))
    again = load(db, bars("A", 0, 3), name="b.dbn")
    before = summary(db, "A")
    assert undo(db, again["id"])["removed_count"] == 0
    assert summary(db, "A") == before
    assert value(db, "select undone_version from public.fn_ingest_symbols(%s)", again["id"]) is None


def test_undo_takes_note_of_a_failed_and_of_a_dead_load(db):
    failed = begin(db)
    fail(db, failed)
    undone = undo(db, failed)
    assert (undone["status"], undone["error"], undone["removed_count"]) == ("failed", "cut short", 0)
    dead = undo(db, begin(db, "b.dbn"))
    assert (dead["status"], dead["error"]) == ("failed", "undone: the load ended without a word")
    assert dead["undone_at"] is not None


def test_undo_of_an_unknown_ingest_is_refused(db, refused):
    assert "77" in refused("S1I07", lambda: undo(db, 77))
    assert "null" in refused("S1I07", lambda: undo(db, None))


# --- no bar without its ingest -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "delete from public.data_ingest_runs where id = {}",
        "update public.data_ingest_runs set id = id + 1000 where id = {}",
        "truncate public.data_ingest_runs cascade",
    ],
)
def test_an_ingest_with_bars_can_be_neither_deleted_nor_renumbered(db, refused, statement):
    owner = load(db, bars("A", 0, 3))["id"]
    refused("S1I08", lambda: db.execute(statement.format(owner)))
    undo(db, owner)
    if "update" not in statement:  # whose lineage names it still
        db.execute(statement.format(owner))
        assert value(db, "select count(*) from public.data_ingest_runs where id = %s", owner) == 0


def test_an_ingest_that_owns_no_bar_any_more_takes_lineage_and_rejects_along(db):
    load(db, bars("A", 0, 3))
    idle = load(db, bars("A", 0, 3), name="b.dbn")["id"]
    db.execute("insert into public.data_ingest_rejects (ingest_id, position, reason) values (%s, 1, 'x')", [idle])
    db.execute("update public.data_ingest_runs set file_name = 'renamed'")
    db.execute("delete from public.data_ingest_runs where id = %s", [idle])
    for table in ("data_ingest_symbols", "data_ingest_rejects"):
        assert value(db, f"select count(*) from public.{table} where ingest_id = %s", idle) == 0
    assert value(db, "select count(*) from public.data_ingest_symbols") == 1


# --- nobody's types and tables but ours --------------------------------------------------------------------


def test_types_of_the_callers_own_are_not_taken_for_postgresqls(db):
    """pg_temp is searched for types before pg_catalog is: whoever loads could have his own `text` checked by the owner."""
    db.execute("create function pg_temp.hijack(anyelement) returns boolean language plpgsql as $$ begin raise 'hijacked'; end $$")
    for name in ("text", "jsonb", "bytea", "oid", "regclass", "timestamptz", "int4", "int8", "float8", "bool", "numeric"):
        db.execute(f"create domain pg_temp.{name} as pg_catalog.{name} check (pg_temp.hijack(value))")
    with pytest.raises(psycopg.errors.RaiseException), db.transaction():
        db.execute("select 'x'::text")
    first = load_with_native_types(db)
    assert db.execute("select * from stage1_internal.repeat_ingest('databento', 'x', %s, 1)", [first["file_sha256"]]).fetchone()
    db.execute("select stage1_internal.fail_ingest(stage1_internal.begin_ingest('v', null, null, 'y', null, null), 'z')")
    assert undo(db, first["id"])["removed_count"] == 3


def load_with_native_types(db):
    db.execute("select stage1_internal.ensure_bar_partitions(%s, %s)", [minute(0), minute(5)])
    ingest = begin(db)
    open_load(db, ingest, ["A"])
    db.execute(
        "insert into pg_temp.staged_bars select 'A', 28401120 + n, 1, 1, 1, 1, 1 from pg_catalog.generate_series(0, 2) as g (n)"
    )
    db.execute("select stage1_internal.merge_staged_bars(%s)", [ingest])
    return row(db, "select * from stage1_internal.finish_bar_load(%s)", ingest)
