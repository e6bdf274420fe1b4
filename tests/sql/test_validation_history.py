"""Does the history of validations hold what each run answered, for as long as it is kept, and past its function nothing?"""

import pytest

from tests.sql.bar_loads import value
from tests.sql.test_bar_recounts import validate


def result(check, *subjects, problem=None, warnings=0):
    found = [{"severity": "error", "subject": subject, "detail": "d"} for subject in subjects]
    return {
        "check": check,
        "errors": len(found),
        "warnings": warnings,
        "milliseconds": 3,
        "problem": problem,
        "findings": found,
    }


def kept(db):
    rows = db.execute("select check_name, run_id, subject from stage1_internal.validation_findings order by 1, position")
    return [tuple(found.values()) for found in rows]


def test_the_findings_of_each_check_are_those_of_its_last_answer(db):
    first = validate(db, results=[result("a", "x", "y"), result("b", "z"), result("c", "q")])
    second = validate(db, results=[result("a", "w"), result("b", problem="too slow"), result("c")])
    assert kept(db) == [("a", second, "w"), ("b", first, "z")]


def test_a_run_is_listed_with_what_was_not_well_the_newest_first(db, refused):
    runs = [
        validate(db, results=[result("b", "x"), result("a", warnings=2), result("c"), result("d", problem="too slow")]),
        validate(db, results=[result("a")]),
    ]
    listed = db.execute("select * from public.fn_list_validations()").fetchall()
    assert [found["id"] for found in listed] == runs[::-1]
    assert [found["not_well"] for found in listed] == [None, "a, b, d"]
    assert [listed[1][f"{kind}_count"] for kind in ("error", "warning", "unanswered")] == [1, 2, 1]
    assert [found["id"] for found in db.execute("select * from public.fn_list_validations(1, 1)")] == runs[:1]
    refused("S1A02", lambda: db.execute("select * from public.fn_list_validations(-1)"))


def test_a_run_of_400_days_ago_goes_with_all_of_it(db):
    validate(db, results=[result("a", "x")])
    db.execute("update stage1_internal.validation_runs set started_at = now() - interval '401 days'")
    newest = validate(db, results=[result("b", "y")])
    assert kept(db) == [("b", newest, "y")]
    assert value(db, "select array_agg(run_id) from stage1_internal.validation_results") == [newest]


@pytest.mark.parametrize(
    ("age", "limit", "is_old"),
    [("25 hours", "", False), ("27 hours", "", True), ("27 hours", "2 days", False), ("300 days", "off", False)],
)
def test_the_last_validation_is_old_after_its_limit(db, age, limit, is_old):
    validate(db)
    db.execute("update stage1_internal.validation_runs set started_at = now() - %s::interval", [age])
    db.execute("select set_config('stage1.validation_max_age', %s, true)", [limit])
    assert value(db, "select is_old from stage1_internal.last_validation") is is_old


def test_a_run_without_answers_is_not_recorded(db, refused):
    refused("S1A01", lambda: db.execute("select stage1_internal.record_validation(null)"))


def test_nobody_writes_the_history_past_its_function(db):
    for role in ("stage1_readonly", "stage1_app", "stage1_ingest", "stage1_replay"):
        for table in ("validation_runs", "validation_results", "validation_findings", "bar_recounts"):
            held = value(
                db,
                "select has_table_privilege(%s, %s, 'insert, update, delete, truncate')",
                role,
                f"stage1_internal.{table}",
            )
            assert held is False
