"""Experiments: which runs are taken, replaced and refused, what is missing, and how two experiments compare."""

import math
import uuid

import pytest

from tests.sql.experiments import SLUG, create, evaluate, evaluate_batch, incomplete, rows, run, run_batch, show, upsert, versions

__all__ = ["versions"]  # a fixture

NOON, LATER = "2024-01-02 12:00Z", "2024-01-02 12:01Z"
KEY = uuid.UUID(int=7)


def progress(found):
    return found["successful_run_count"], found["failed_run_count"], found["missing_run_count"]


def made_at(db, sequence):
    found = rows(db, "select created_at from public.fn_find_dataset_version(%s, %s)", SLUG, str(sequence))
    return found[0]["created_at"].isoformat()


# --- experiments -------------------------------------------------------------------------------------------


def test_an_experiment_is_on_the_version_that_its_text_names(db, versions):
    for text, sequence, count in (("latest", 2, 4), ("1", 1, 4), (str(versions[0]), 1, 4)):
        found = create(db, text, repetitions=3, name="baseline", metadata='{"model": 1.10}')
        assert (found["version_sequence"], found["example_count"], found["expected_run_count"]) == (sequence, count, 12)
        assert (found["dataset_slug"], found["name"], found["created_by"]) == (SLUG, "baseline", "stage1")
        assert found == show(db, found["experiment_id"])
        assert progress(found) == (0, 0, 12)


def test_the_same_request_again_is_the_same_experiment(db, refused, versions):
    rows(db, "select * from public.tag_dataset_version(%s, 'best', '2')", SLUG)
    given = {"experiment_id": KEY, "name": "n", "metadata": '{"a": 1}', "created_by": "ann"}
    first = create(db, **given)
    assert create(db, **{**given, "created_by": "bob"}) == first
    # The set moves on: latest, and a tag, are another version now, and the request is still the one of then.
    upsert(db, {"f": 6}, mode="merge")
    assert create(db, **given) == first
    assert create(db, "2", **given) == first
    assert create(db, "as-of:2999-01-01T00:00:00Z", **given) == first
    rows(db, "select * from public.untag_dataset_version(%s, 'best')", SLUG)
    assert create(db, "tag:best", **given) == first
    upsert(db, {"a": 1}, slug="other")
    for other in (
        *({"version": "1"}, {"version": "3"}, {"repetitions": 2}, {"slug": "other"}),
        *({"name": None}, {"description": "d"}, {"metadata": "{}"}, {"version": f"as-of:{made_at(db, 1)}"}),
    ):
        assert str(KEY) in refused("S1X05", lambda other=other: create(db, **{**given, **other}))
    assert rows(db, "select count(*) from public.experiments") == [{"count": 1}]


@pytest.mark.parametrize(
    ("sqlstate", "given"),
    [
        ("S1C02", {"slug": "gone"}),
        ("S1E01", {"version": "9"}),
        ("S1A02", {"repetitions": 0}),
        ("S1A02", {"repetitions": 1001}),
        ("S1A02", {"name": " "}),
        ("S1A02", {"name": "n" * 256}),
        ("S1A02", {"metadata": "[1]"}),
        ("S1A02", {"metadata": '{"a": [%s1]}' % ("1e308," * 4_000)}),
    ],
)
def test_an_experiment_that_makes_no_sense_is_refused(db, refused, versions, sqlstate, given):
    refused(sqlstate, lambda: create(db, **given))


def test_experiments_are_listed_newest_first_and_page_by_page(db, refused, versions):
    upsert(db, {"a": 1}, slug="other")
    made = [create(db, slug=slug)["experiment_id"] for slug in (SLUG, "other", SLUG, SLUG)]
    text = "select * from public.fn_list_experiments(%s, %s, %s, %s)"
    assert [row["experiment_id"] for row in rows(db, text, None, 50, None, None)] == made[::-1]
    found, after = [], (None, None)
    while page := rows(db, text, SLUG, 2, *after):
        found += [row["experiment_id"] for row in page]
        after = page[-1]["created_at"], page[-1]["experiment_id"]
    assert found == [made[3], made[2], made[0]]
    refused("S1A02", lambda: rows(db, text, None, 2, NOON, None))
    refused("S1C02", lambda: rows(db, text, "gone", 2, None, None))


# --- runs --------------------------------------------------------------------------------------------------


def test_a_failure_is_replaced_and_a_success_stays(db, refused, versions):
    experiment = create(db, repetitions=2)["experiment_id"]
    steps = [
        ({"error": "boom", "times": (NOON, LATER)}, "recorded", (0, 1, 7)),
        ({"error": "boom", "times": (NOON, LATER)}, "unchanged", (0, 1, 7)),  # the same request once more
        ({"error": "boom", "times": (NOON, NOON)}, "replaced", (0, 1, 7)),
        ({"output": '{"n":9007199254740993,"x":0.10}'}, "replaced", (1, 0, 7)),
        ({"output": '{"n":9007199254740993,"x":0.10}', "times": (NOON, LATER)}, "unchanged", (1, 0, 7)),
    ]
    for given, outcome, counts in steps:
        assert run(db, experiment, "a", **given) == outcome
        assert progress(show(db, experiment)) == counts
    for given in ({"output": '{"n":9007199254740992,"x":0.10}'}, {"error": "late"}, {}):
        assert '"a", repetition 1' in refused("S1X02", lambda given=given: run(db, experiment, "a", **given))
    assert run(db, experiment, "a", repetition=2) == "recorded"
    assert run(db, experiment, "a", "null", repetition=2) == "unchanged"  # no output is the output null
    found = rows(db, "select *, output::text as output from public.fn_experiment_runs(%s)", experiment)
    assert [(one["repetition"], one["output"], one["error"], one["attempt"]) for one in found] == [
        (1, '{"n":9007199254740993,"x":0.10}', None, 3),
        (2, "null", None, 1),
    ]
    assert found[0]["started_at"] is None


def test_a_batch_is_what_its_runs_are_one_by_one(db, refused, versions):
    experiment = create(db, repetitions=2)["experiment_id"]
    assert run_batch(db, experiment, []) == (0, 0, 0, 0)
    assert run_batch(db, experiment, [("b", 1, "1", None), ("a", 2, None, "boom"), ("c", 1, None, None)]) == (3, 0, 0, 0)
    again = [("b", 1, "1", None), ("a", 2, "2", None), ("c", 1, "null", None), ("e", 1, "5", None)]
    assert run_batch(db, experiment, again) == (1, 1, 2, 0)
    assert run_batch(db, experiment, again) == (0, 0, 4, 0)
    changed = [("b", 1, "7", None), ("a", 2, None, "late"), ("e", 2, "6", None), ("c", 1, "null", None)]
    message = refused("S1X02", lambda: run_batch(db, experiment, changed))
    assert message.startswith("2 runs") and '"a" (repetition 2), "b" (repetition 1)' in message
    assert progress(show(db, experiment)) == (4, 0, 4)
    assert run_batch(db, experiment, changed, "keep") == (1, 0, 1, 2)
    found = rows(db, "select source_id, repetition, output::text, attempt from public.fn_experiment_runs(%s, 2, 0)", experiment)
    assert found == [
        {"source_id": "a", "repetition": 2, "output": "2", "attempt": 2},
        {"source_id": "b", "repetition": 1, "output": "1", "attempt": 1},
    ]


@pytest.mark.parametrize(
    ("sqlstate", "said", "bad"),
    [
        ("S1X03", '"d"', ("d", 1, "1", None)),  # of another version
        ("S1X03", '"x"', ("x", 1, "1", None)),
        ("S1X03", "repetition 3", ("a", 3, "1", None)),
        ("S1X03", "repetition 0", ("a", 0, "1", None)),
        ("S1X06", '"b" (repetition 1)', ("b", 1, "1", None)),
        ("S1A01", "source_id", (None, 1, "1", None)),
        ("S1A01", "repetition", ("a", None, "1", None)),
        ("S1A02", "an output and an error", ("a", 1, "1", "boom")),
        ("S1A02", "empty error", ("a", 1, None, "")),
    ],
)
def test_a_run_that_is_not_expected_is_refused_with_its_batch(db, refused, versions, sqlstate, said, bad):
    experiment = create(db, repetitions=2)["experiment_id"]
    assert said in refused(sqlstate, lambda: run_batch(db, experiment, [("b", 1, "1", None), bad]))
    if sqlstate != "S1X06":
        refused(sqlstate, lambda: run(db, experiment, bad[0], bad[2], bad[3], bad[1]))
    assert progress(show(db, experiment)) == (0, 0, 8)


def test_times_must_be_times_of_one_run(db, refused, versions):
    experiment = create(db)["experiment_id"]
    refused("S1A03", lambda: run(db, experiment, "a", times=(LATER, NOON)))
    refused("S1A02", lambda: run(db, experiment, "a", times=("-infinity", NOON)))
    run(db, experiment, "a")
    refused("S1A03", lambda: evaluate(db, experiment, "a", started_at=LATER, finished_at=NOON))


def test_who_names_nothing_that_is_there_is_told(db, refused, versions):
    experiment = create(db)["experiment_id"]
    for what in (
        lambda key: show(db, key),
        lambda key: run(db, key, "a"),
        lambda key: run_batch(db, key, []),
        lambda key: evaluate(db, key, "a"),
        lambda key: evaluate_batch(db, key, []),
        lambda key: rows(db, "select * from public.fn_experiment_runs(%s)", key),
        lambda key: incomplete(db, key),
        lambda key: rows(db, "select * from public.fn_incomplete_evaluations(%s, '{n}')", key),
        lambda key: rows(db, "select * from public.fn_compare_experiments(%s, %s)", experiment, key),
        lambda key: rows(db, "select * from public.fn_compare_evaluations(%s, %s)", key, experiment),
    ):
        assert str(KEY) in refused("S1X01", lambda what=what: what(KEY))
        refused("S1A01", lambda what=what: what(None))
    refused("S1A02", lambda: run_batch(db, experiment, [], "replace"))
    refused("S1A01", lambda: rows(db, "select * from public.fn_incomplete_evaluations(%s, '{}')", experiment))


# --- evaluations -------------------------------------------------------------------------------------------


def test_the_last_evaluation_of_a_name_counts(db, refused, versions):
    experiment = create(db, repetitions=2)["experiment_id"]
    run_batch(db, experiment, [("a", 1, "1", None), ("b", 1, "2", None), ("c", 1, None, "boom")])
    assert evaluate(db, experiment, "a", score=0.1, started_at=NOON, metadata='{"n": 1.50}') == "recorded"
    assert evaluate(db, experiment, "a", score=0.1, started_at=NOON, metadata='{"n": 1.50}') == "unchanged"
    assert evaluate(db, experiment, "a", label="good", annotator_kind="HUMAN") == "replaced"
    batch = [("a", 1, "match", "good", None, None), ("a", 1, "Other", None, 0.5, None), ("b", 1, "match", None, None, "no idea")]
    assert evaluate_batch(db, experiment, []) == (0, 0, 0)
    assert evaluate_batch(db, experiment, batch) == (2, 1, 0)
    assert evaluate_batch(db, experiment, batch) == (0, 0, 3)
    for bad in ([("c", 1, "n", None, 1.0, None)], [("a", 2, "n", None, 1.0, None)], [*batch, ("x", 1, "n", None, 1.0, None)]):
        refused("S1X04", lambda bad=bad: evaluate_batch(db, experiment, bad))
    for source_id in ("c", "x"):
        refused("S1X04", lambda source_id=source_id: evaluate(db, experiment, source_id))
    refused("S1X06", lambda: evaluate_batch(db, experiment, [*batch, batch[0]]))
    found = rows(db, "select source_id, evaluations from public.fn_experiment_runs(%s)", experiment)
    assert [(one["source_id"], [(e["name"], e["label"], e["score"]) for e in one["evaluations"]]) for one in found] == [
        ("a", [("Other", None, 0.5), ("match", "good", None)]),
        ("b", [("match", None, None)]),
        ("c", []),
    ]
    assert found[0]["evaluations"][0]["recorded_at"].endswith("Z")


@pytest.mark.parametrize(
    ("sqlstate", "given"),
    [
        ("S1A01", {"name": ""}),
        ("S1A02", {"name": "n" * 256}),
        ("S1A02", {"annotator_kind": "ROBOT"}),
        ("S1A02", {"score": math.nan}),
        ("S1A02", {"score": math.inf}),
        ("S1A02", {"score": -1.1e100}),
        ("S1A02", {"error": ""}),
        ("S1A02", {"error": "boom", "score": 1.0}),
        ("S1A02", {"error": "boom", "label": "good"}),
        ("S1A02", {"metadata": "[]"}),
        ("S1A02", {"metadata": '{"a": [%s1]}' % ("1e308," * 4_000)}),
    ],
)
def test_an_evaluation_that_says_nothing_sound_is_refused(db, refused, versions, sqlstate, given):
    experiment = create(db)["experiment_id"]
    run(db, experiment, "a")
    refused(sqlstate, lambda: evaluate(db, experiment, "a", **given))
    columns = ["source_id", "repetition", *{"name": "n", **given}]
    values = ["a", 1, *{"name": "n", **given}.values()]

    def batch():
        db.execute("select stage1_internal.stage_experiment_evaluations()")
        db.execute(
            f"insert into pg_temp.staged_evaluations ({', '.join(columns)}) values ({', '.join(['%s'] * len(values))})", values
        )
        rows(db, "select * from public.record_experiment_evaluations(%s)", experiment)

    refused(sqlstate, batch)


# --- roles ------------------------------------------------------------------------------------------------


def test_the_application_records_through_functions_alone(db, refused, versions):
    db.execute("set local role stage1_app")
    experiment = create(db)["experiment_id"]
    assert run_batch(db, experiment, [("a", 1, "1", None)]) == (1, 0, 0, 0)
    assert run(db, experiment, "b", "2") == "recorded"
    assert evaluate(db, experiment, "a", score=1.0) == "recorded"
    assert evaluate_batch(db, experiment, [("b", 1, "m", None, 1.0, None)]) == (1, 0, 0)
    db.execute("set local role stage1_readonly")
    assert incomplete(db, experiment) == [("c", [1]), ("e", [1])]
    assert len(rows(db, "select * from public.fn_compare_experiments(%s, %s)", experiment, experiment)) == 4
    assert len(rows(db, "select * from public.fn_compare_evaluations(%s, %s)", experiment, experiment)) == 2
    assert progress(rows(db, "select * from public.fn_list_experiments()")[0]) == (2, 0, 2)


def test_the_checks_of_the_recording_functions_are_closed_to_their_callers(db):
    found = rows(
        db,
        "select p.proname from pg_catalog.pg_proc as p where p.proname ~ 'experiment'"
        " and p.pronamespace = 'stage1_internal'::pg_catalog.regnamespace"
        " and not pg_catalog.has_function_privilege('stage1_app', p.oid, 'execute') order by 1",
    )
    assert [row["proname"] for row in found] == [
        *("check_experiment_evaluation", "check_experiment_run", "check_experiment_span", "check_experiment_staging"),
    ]
    for name in ("find_experiment", "find_compared_experiments"):
        for role in ("stage1_app", "stage1_readonly"):
            text = (
                "select pg_catalog.has_function_privilege(%s, ('stage1_internal.' || %s)::pg_catalog.regproc, 'execute') as may"
            )
            assert rows(db, text, role, name) == [{"may": True}]


def test_a_type_of_the_caller_runs_nothing_as_the_owner(db, versions):
    """A type of this name in pg_temp, with a cast that runs code, would be found before that of pg_catalog."""
    experiment = create(db)["experiment_id"]
    db.execute("set local role stage1_app")
    for name in ("uuid", "bigint", "text", "json", "record", "int8"):
        db.execute(f'create domain pg_temp."{name}" as pg_catalog.int4 check (value < 0)')
    text = "select outcome from public.record_experiment_run(%s, 'a', 1, '1'::pg_catalog.json)"
    assert rows(db, text, experiment) == [{"outcome": "recorded"}]
    assert run_batch(db, experiment, [("b", 1, "1", None)]) == (1, 0, 0, 0)
    assert evaluate(db, experiment, "a", score=1.0) == "recorded"
    assert evaluate_batch(db, experiment, [("b", 1, "m", None, 1.0, None)]) == (1, 0, 0)


@pytest.mark.parametrize("table", ["staged_runs", "staged_evaluations"])
def test_what_the_caller_made_itself_is_not_read_as_the_owner(db, refused, versions, table):
    experiment = create(db)["experiment_id"]
    db.execute("set local role stage1_app")
    db.execute(f"create temporary table {table} (source_id text)")
    record = {"staged_runs": "record_experiment_runs", "staged_evaluations": "record_experiment_evaluations"}[table]
    refused("S1A01", lambda: rows(db, f"select * from public.{record}(%s)", experiment))
