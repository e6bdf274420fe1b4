"""The audit row from its beginning to its end: begin_ingest, fail_ingest, repeat_ingest, undo_ingest, and what guards it."""

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
    summary,
    undo,
    value,
)

MONTH = 31 * 24 * 60


def show(db, ingest):
    return row(db, "select * from public.fn_show_ingest(%s)", ingest)


def fail(db, ingest, error="cut short"):
    db.execute("select stage1_internal.fail_ingest(%s, %s)", [ingest, error])


# --- begin and fail ----------------------------------------------------------------------------------------


def test_a_load_that_begins_is_running_with_what_is_known_of_it(db):
    ingest = begin(db, whole=False, options='{"limit": 5}', warnings='["a limit"]', details='{"symbols": 1}')
    found = show(db, ingest)
    assert (found["status"], found["whole"], found["options"]) == ("running", False, {"limit": 5})
    assert (found["warnings"], found["details"]) == (["a limit"], {"symbols": 1})
    assert (found["backend_pid"], found["finished_at"], counts(found)) == (db.info.backend_pid, None, (0, 0, 0, 0))
    assert (found["vendor"], found["dataset"], found["origin"]) == ("databento", "XNAS.ITCH", "vendor")


def test_a_refused_file_needs_neither_dataset_nor_sha256(db):
    statement = "select stage1_internal.begin_ingest('databento', null, null, 'x.dbn', null, null)"
    ingest = value(db, statement)
    fail(db, ingest, "not a DBN file")
    found = show(db, ingest)
    assert (found["status"], found["error"], found["dataset"]) == ("failed", "not a DBN file", None)
    assert found["finished_at"] is not None


@pytest.mark.parametrize("name", ["p_vendor", "p_file_name"])
def test_vendor_and_file_name_are_required(db, refused, name):
    given = {"p_vendor": "databento", "p_file_name": "a"} | {name: None}
    statement = "select stage1_internal.begin_ingest(%s, null, null, %s, null, null)"
    assert refused("S1A01", lambda: db.execute(statement, list(given.values()))).startswith(f"{name} was null")


def test_a_failed_load_can_name_its_reason_once_more_and_a_finished_one_cannot(db, refused):
    ingest = begin(db)
    for error in ("taken over", "the disk was full"):
        fail(db, ingest, error)
    assert show(db, ingest)["error"] == "the disk was full"
    assert refused("S1A01", lambda: fail(db, ingest, " ")).startswith("p_error was null or empty")
    assert "999" in refused("S1I07", lambda: fail(db, 999))
    done = load(db, bars("A", 0, 1))["id"]
    assert refused("S1I09", lambda: fail(db, done)).startswith(
        f"Ingest {done} cannot fail any more: it is a success, committed with 1 rows; it ended at "
    )
    undo(db, ingest)
    assert "it was undone at 2" in refused("S1I09", lambda: fail(db, ingest))


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("status_known", "status = 'done'"),
        ("origin_known", "origin = 'guessed'"),
        ("sha256_is_hex", "file_sha256 = 'ABC'"),
        ("options_are_object", "options = '[]'"),
        ("details_are_object", "details = '1'"),
        ("warnings_are_strings", "warnings = '{}'"),
        ("warnings_are_strings", "warnings = '[\"a\", 1]'"),
        ("counts_are_natural", "rejected_count = -1"),
        ("success_adds_up", "row_count = row_count + 1"),
        ("success_adds_up", "changed_count = updated_count + 1"),
        ("success_adds_up", "finished_at = null"),
        ("success_adds_up", "dataset = null"),
        ("failed_says_why", "status = 'failed'"),
    ],
)
def test_an_audit_row_that_contradicts_itself_is_refused_by_the_table(db, constraint, change):
    load(db, bars("A", 0, 2))
    with pytest.raises(psycopg.errors.CheckViolation) as refused, db.transaction():
        db.execute(f"update public.data_ingest_runs set {change}")
    assert refused.value.diag.constraint_name == f"data_ingest_runs_{constraint}"


# --- the shortcut ------------------------------------------------------------------------------------------


def test_the_same_file_again_is_an_audit_row_and_nothing_else(db):
    first = load(db, bars("A", 0, 5) + bars("B", 0, 3), details='{"publishers": [2]}', warnings='["a gap"]')
    before = [summary(db, "A"), summary(db, "B")]
    again = repeat(db)
    assert counts(again) == (8, 0, 8, 0)
    copied = ("min_ts", "max_ts", "dataset", "details", "warnings", "rejected_count", "whole", "file_sha256")
    assert [again[name] for name in copied] == [first[name] for name in copied]
    assert (again["file_name"], again["repeats_ingest_id"], again["status"]) == ("again a.dbn", first["id"], "success")
    assert [summary(db, "A"), summary(db, "B")] == before
    lineage = db.execute("select * from public.fn_ingest_symbols(%s)", [again["id"]]).fetchall()
    assert [(line["symbol"], *counts(line), line["version"]) for line in lineage] == [("A", 5, 0, 5, 0, 1), ("B", 3, 0, 3, 0, 1)]
    assert repeat(db)["repeats_ingest_id"] == first["id"]
    moved = repeat(db, details='{"path": "/b/a.dbn"}')
    assert moved["details"] == first["details"] | {"path": "/b/a.dbn"}
    assert value(db, "select count(*) from pg_catalog.pg_class where relname = 'staged_bars'") == 0


def test_the_rejects_of_a_repeated_load_are_those_of_the_first(db):
    db.execute("select stage1_internal.ensure_bar_partitions(%s, %s)", [minute(0), minute(0)])
    first = begin(db)
    open_load(db, first, ["A"])
    stage(db, bars("A", 0, 3))
    merge(db, first)
    db.execute("insert into pg_temp.staged_rejects (position, reason) values (7, 'high below low')")
    finish(db, first, rejected=1)
    for again in (repeat(db), repeat(db)):
        found = db.execute("select * from public.fn_ingest_rejects(%s)", [again["id"]]).fetchall()
        assert again["rejected_count"] == len(found) == 1
        assert (found[0]["ingest_id"], found[0]["position"]) == (first, 7)


# What happens after January of A and B was loaded, and whether the shortcut still holds for its file.
AFTERWARDS = {
    "nothing": (lambda _, __: None, True),
    "a later month": (lambda db, _: load(db, bars("A", MONTH, MONTH + 3), name="b.dbn"), True),
    "other symbols": (lambda db, _: load(db, bars("C", 0, 3), name="b.dbn"), True),
    "the same bars from another file": (lambda db, _: load(db, bars("A", 0, 5), name="b.dbn"), True),
    "a later month, undone": (lambda db, _: undo(db, load(db, bars("A", MONTH, MONTH + 3), name="b.dbn")["id"]), True),
    "a failed load of it": (lambda db, _: fail(db, begin(db)), True),
    "a changed bar": (lambda db, _: load(db, bars("A", 2, 3, close=1), name="b.dbn"), False),
    "a bar between": (lambda db, _: load(db, bars("A", 5, 7), name="b.dbn"), False),
    "its undo": (lambda db, first: undo(db, first["id"]), False),
    "its undo and a load of it": (lambda db, first: (undo(db, first["id"]), load(db, bars("A", 0, 5))), True),
    "a change, undone": (lambda db, _: undo(db, load(db, bars("A", 2, 3, close=1), name="b.dbn")["id"]), False),
    "another origin that is undone": (
        lambda db, _: undo(db, load(db, bars("A", 1, 3), name="b.dbn", origin="derived", replace_origin=True)["id"]),
        True,
    ),
    "a part of it": (lambda db, _: load(db, bars("A", 0, 2), whole=False), False),
    "the summary of another origin": (
        lambda db, _: load(db, bars("A", MONTH, MONTH + 1), name="b.dbn", origin="derived", replace_origin=True),
        False,
    ),
}


@pytest.mark.parametrize(("afterwards", "holds"), AFTERWARDS.values(), ids=list(AFTERWARDS))
def test_the_shortcut_holds_until_something_touches_symbols_and_span(db, afterwards, holds):
    first = load(db, bars("A", 0, 5) + bars("A", 8, 9) + bars("B", 0, 3))
    afterwards(db, first)
    assert (repeat(db) is not None) is holds


def test_a_repeated_load_counts_as_a_load_of_the_file_until_the_first_is_undone(db):
    first = load(db, bars("A", 0, 5))
    again = repeat(db)
    undo(db, first["id"])
    assert repeat(db) is None
    assert (again["inserted_count"], summary(db, "A")) == (0, None)


def test_versions_go_on_after_a_symbol_was_undone_whole(db):
    undo(db, load(db, bars("A", 0, 5))["id"])
    audit = load(db, bars("A", 0, 5), name="b.dbn")
    assert summary(db, "A")[4] == value(db, "select version from public.fn_ingest_symbols(%s)", audit["id"]) == 3
    assert repeat(db, "b.dbn") is not None


@pytest.mark.parametrize("given", [{"name": "b.dbn"}, {"options": '{"symbol": "X"}'}, {"vendor": "other"}])
def test_another_file_other_options_or_another_vendor_are_no_repetition(db, given):
    load(db, bars("A", 0, 5))
    assert repeat(db, **given) is None


def test_options_are_compared_by_value(db):
    load(db, bars("A", 0, 5), options='{"a": 1, "b": [1.0]}')
    assert repeat(db, options='{"b": [1],  "a": 1}') is not None
    assert repeat(db) is None


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_the_shortcut_needs_vendor_name_and_sha256(db, refused, missing):
    given = [None if place == missing else "x" for place in range(3)]
    refused("S1A01", lambda: db.execute("select stage1_internal.repeat_ingest(%s, %s, %s, 1)", given))
