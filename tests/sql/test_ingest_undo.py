"""What undo_ingest removes and restores, what keeps an ingest that has bars, and whose types the functions use."""

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

GLBX, XNAS = {"dataset": "GLBX.MDP3"}, {"dataset": "XNAS.ITCH"}


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


# --- where the bars that are left come from ----------------------------------------------------------------


def origin(db, symbol="A"):
    """Dataset and origin of the summary; the check agrees with them."""
    assert db.execute("select * from public.bar_summaries_differ").fetchall() == []
    return tuple(row(db, "select dataset, origin from public.market_bar_symbols where symbol = %s", symbol).values())


# What is loaded over ten bars of GLBX, one after the other, by its place in the list; which of them are undone; whose bars
# are left.
REPLACED = {
    "half of the bars rewritten": ([(bars("A", 5, 10, close=7), XNAS)], [0], "GLBX.MDP3"),
    "bars beside them": ([(bars("A", 20, 25), XNAS)], [0], "GLBX.MDP3"),
    "equal bars": ([(bars("A", 5, 10), XNAS)], [0], "GLBX.MDP3"),
    "equal bars that stand": ([(bars("A", 5, 10), XNAS), (bars("A", 20, 25), XNAS)], [1], "XNAS.ITCH"),
    "equal bars and what follows them": ([(bars("A", 5, 10), XNAS), (bars("A", 20, 25), XNAS)], [1, 0], "GLBX.MDP3"),
    "equal bars before what follows them": ([(bars("A", 5, 10), XNAS), (bars("A", 20, 25), XNAS)], [0], "XNAS.ITCH"),
    "a load that only confirmed it": ([(bars("A", 5, 10, close=7), XNAS), (bars("A", 5, 10, close=7), XNAS)], [0], "GLBX.MDP3"),
    "there and back": ([(bars("A", 5, 10, close=7), XNAS), (bars("A", 5, 8), GLBX)], [1], "XNAS.ITCH"),
    "there and back with equal bars": ([(bars("A", 5, 10), XNAS), (bars("A", 5, 8), GLBX)], [0], "GLBX.MDP3"),
}


@pytest.mark.parametrize(("loads", "undone", "expected"), REPLACED.values(), ids=list(REPLACED))
def test_after_an_undo_a_symbol_is_of_the_newest_load_that_stands(db, refused, loads, undone, expected):
    load(db, bars("A", 0, 10), name="x.dbn", **GLBX)
    loaded = [
        load(db, chunk, name=f"{number}.dbn", replace_origin=True, **given)["id"] for number, (chunk, given) in enumerate(loads)
    ]
    for place in undone:
        undo(db, loaded[place])
    assert origin(db) == (expected, "vendor")
    other = XNAS if expected == "GLBX.MDP3" else GLBX
    refused("S1I06", lambda: load(db, bars("A", 30, 31), name="y.dbn", **other))
    load(db, bars("A", 30, 31), name="z.dbn", dataset=expected)


def test_the_newest_load_is_the_one_that_was_committed_last_whatever_its_id(db):
    early = begin(db, "early.dbn", **XNAS)
    load(db, bars("A", 0, 10), **GLBX)
    open_load(db, early, ["A"], replace_origin=True)
    stage(db, bars("A", 7, 8, close=3))
    merge(db, early)
    finish(db, early)
    undo(db, load(db, bars("A", 8, 9, close=3), name="b.dbn", replace_origin=True, **GLBX)["id"])
    assert origin(db) == ("XNAS.ITCH", "vendor")


def test_a_repeated_load_does_not_stand_once_the_first_is_undone(db):
    load(db, bars("A", 0, 10), name="x.dbn", **GLBX)
    second = load(db, bars("A", 5, 15, close=7), replace_origin=True, **XNAS)
    assert repeat(db)["repeats_ingest_id"] == second["id"]
    undo(db, second["id"])
    assert origin(db) == ("GLBX.MDP3", "vendor")


def test_a_load_that_changes_nothing_but_the_origin_has_a_version_of_its_own(db):
    load(db, bars("A", 0, 10), **GLBX)
    second = load(db, bars("A", 0, 10), name="b.dbn", replace_origin=True, **XNAS)
    assert counts(second) == (10, 0, 10, 0)
    lineage = row(db, "select version, replaced_origin from public.fn_ingest_symbols(%s)", second["id"])
    assert (lineage, summary(db, "A")[4]) == ({"version": 2, "replaced_origin": True}, 2)
    undo(db, second["id"])
    assert (summary(db, "A"), origin(db)) == ((10, minute(0), minute(9), 100, 3), ("GLBX.MDP3", "vendor"))
    assert value(db, "select undone_version from public.fn_ingest_symbols(%s)", second["id"]) is None


# --- no bar without its ingest -----------------------------------------------------------------------------


KEPT = {
    "delete": "delete from public.data_ingest_runs where id = {}",
    "renumber": "update public.data_ingest_runs set id = id + 1000 where id = {}",
    "truncate": "truncate public.data_ingest_runs cascade",
}
WROTE = {
    "inserted": lambda db: load(db, bars("A", 0, 3)),
    "rewrote": lambda db: load(db, bars("Z", 1, 2, close=7)),
    "replaced the origin": lambda db: load(db, bars("Z", 0, 3), origin="derived", replace_origin=True),
    "inserted, all of it rewritten since": lambda db: (
        load(db, bars("A", 0, 3)),
        load(db, bars("A", 0, 3, close=7), name="c.dbn"),
    )[0],
}


@pytest.mark.parametrize("statement", KEPT.values(), ids=list(KEPT))
@pytest.mark.parametrize("wrote", WROTE.values(), ids=list(WROTE))
def test_an_ingest_that_wrote_can_be_neither_deleted_nor_renumbered_undone_or_not(db, refused, statement, wrote):
    load(db, bars("Z", 0, 3), name="z.dbn")
    ingest = wrote(db)["id"]
    for _ in range(2):
        refused("S1I08", lambda: db.execute(statement.format(ingest)))
        undo(db, ingest)


def test_nothing_is_forgotten_of_what_the_shortcut_asks_for(db, refused):
    load(db, bars("A", 0, 10))
    second = load(db, bars("A", 0, 5, close=7), name="b.dbn")["id"]
    undo(db, second)
    message = refused("S1I08", lambda: db.execute("delete from public.data_ingest_runs where id = %s", [second]))
    assert message == f"Ingest {second} (b.dbn) wrote bars of A; it can be neither deleted nor renumbered, undone or not."
    assert repeat(db) is None


@pytest.mark.parametrize("statement", [KEPT["delete"], KEPT["truncate"]], ids=["delete", "truncate"])
def test_ingests_that_failed_may_be_deleted(db, statement):
    ingest = begin(db)
    fail(db, ingest)
    db.execute(statement.format(ingest))
    assert value(db, "select count(*) from public.data_ingest_runs") == 0


def test_an_ingest_that_wrote_nothing_takes_lineage_and_rejects_along(db):
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
