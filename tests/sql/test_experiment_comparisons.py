"""What of an experiment is missing, how two compare, and where experiments show: in the lineage and in checks."""

import math

import pytest

from tests.sql.experiments import SLUG, create, evaluate, evaluate_batch, incomplete, rows, run, run_batch, upsert, versions

__all__ = ["versions"]  # a fixture


def test_what_is_missing_or_failed_is_to_be_run(db, refused, versions):
    experiment = create(db, "1", repetitions=3)["experiment_id"]
    run_batch(
        db,
        experiment,
        [("a", 2, "1", None), ("b", 1, "1", None), ("b", 2, "1", None), ("b", 3, "1", None), ("c", 3, None, "boom")],
    )
    assert incomplete(db, experiment) == [("a", [1, 3]), ("c", [1, 2, 3]), ("d", [1, 2, 3])]
    assert incomplete(db, experiment, 1) == [("a", [1, 3])]
    assert incomplete(db, experiment, 1, "a") == [("c", [1, 2, 3])]
    # The content is that of the experiment's version, and not the latest.
    found = rows(db, "select input::text, output::text, content_hash from public.fn_incomplete_runs(%s, 1, 'b')", experiment)
    [stored] = rows(db, "select content_hash from public.fn_dataset_examples(%s, '1', 1, 'b')", SLUG)
    assert found == [{"input": '{"x":3}', "output": "{}", **stored}]

    text = "select run_id, source_id, repetition, names, input::text, run_output::text from public.fn_incomplete_evaluations"
    evaluate(db, experiment, "a", "m", 2, score=1.0)
    evaluate(db, experiment, "b", "m", 1, error="boom")
    evaluate(db, experiment, "b", "n", 1, label="x")
    found = rows(db, f"{text}(%s, '{{m,n,m}}')", experiment)
    assert [(one["source_id"], one["repetition"], one["names"]) for one in found] == [
        ("a", 2, ["n"]),
        ("b", 1, ["m"]),
        ("b", 2, ["m", "n"]),
        ("b", 3, ["m", "n"]),
    ]
    assert rows(db, f"{text}(%s, '{{m,n}}', 2, %s)", experiment, found[0]["run_id"]) == found[1:3]


def test_a_comparison_joins_by_example_and_marks_what_differs(db, refused, versions):
    base, other = create(db, "1", 2)["experiment_id"], create(db, "2", 1)["experiment_id"]
    run_batch(db, base, [("a", 2, "12", None), ("a", 1, "11", None), ("b", 1, None, "boom")])
    run_batch(db, other, [("a", 1, "21", None), ("c", 1, "23", None), ("e", 1, "25", None)])
    evaluate(db, base, "a", repetition=2, score=0.5)
    text = "select * from public.fn_compare_experiments(%s, %s, %s, %s)"
    found = rows(db, text, base, other, 50, None)
    assert [(one["source_id"], one["presence"], one["content_differs"]) for one in found] == [
        ("a", "both", False),
        ("b", "both", False),
        ("c", "both", True),
        ("d", "base", False),
        ("e", "other", False),
    ]
    assert [[(run["repetition"], run["output"], run["error"]) for run in one["base_runs"]] for one in found] == [
        *([(1, 11, None), (2, 12, None)], [(1, None, "boom")], [], [], [])
    ]
    assert [[run["output"] for run in one["other_runs"]] for one in found] == [[21], [], [23], [], [25]]
    assert [run["evaluations"] and run["evaluations"][0]["score"] for run in found[0]["base_runs"]] == [[], 0.5]
    assert [(one["base_hash"] == one["other_hash"], len(one["base_hash"] or "")) for one in found] == [
        *((True, 64), (True, 64), (False, 64), (False, 64), (False, 0))
    ]
    assert rows(db, text, base, other, 2, "a") == found[1:3]
    upsert(db, {"a": 1}, slug="elsewhere")
    stranger = create(db, slug="elsewhere")["experiment_id"]
    refused("S1X07", lambda: rows(db, text, base, stranger, 50, None))


def test_scores_are_paired_on_examples_of_the_same_content(db, versions):
    base, other = create(db, "1", 3)["experiment_id"], create(db, "2", 3)["experiment_id"]
    for experiment in (base, other):
        present = [row["source_id"] for row in rows(db, "select * from public.fn_incomplete_runs(%s)", experiment)]
        run_batch(db, experiment, [(name, repetition, "1", None) for name in present for repetition in (1, 2, 3)])
    scores = [(1, 0.1), (2, 0.2), (3, 0.3)]
    evaluate_batch(db, base, [("a", repetition, "m", None, score, None) for repetition, score in scores])
    # The same scores in another order: their sum as doubles would differ.
    evaluate_batch(db, other, [("a", 4 - repetition, "m", None, score, None) for repetition, score in scores])
    evaluate_batch(db, base, [("b", 1, "m", None, 1.0, None), ("c", 1, "m", None, 1.0, None), ("d", 1, "m", None, 1.0, None)])
    evaluate_batch(db, other, [("b", 1, "m", None, 0.0, None), ("b", 2, "m", None, 1.0, None), ("c", 1, "m", None, 0.0, None)])
    evaluate_batch(db, other, [("a", 1, "words", "good", None, None), ("b", 3, "m", None, None, "boom")])
    found = rows(db, "select * from public.fn_compare_evaluations(%s, %s)", base, other)
    assert [one["name"] for one in found] == ["m", "words"]
    m, words = found
    assert (m["base_count"], m["other_count"], m["paired_count"]) == (6, 6, 2)
    assert (m["base_mean"], m["other_mean"]) == pytest.approx((3.6 / 6, 1.6 / 6))
    assert (m["better"], m["worse"], m["equal"]) == (0, 1, 1)
    assert (m["paired_delta_mean"], m["paired_delta_sd"]) == pytest.approx((-0.25, math.sqrt(0.125)))
    assert (words["other_count"], words["other_mean"], words["base_mean"], words["paired_delta_mean"]) == (0, None, None, None)
    assert rows(db, "select better, worse from public.fn_compare_evaluations(%s, %s)", other, base)[0] == {
        "better": 1,
        "worse": 0,
    }


def test_an_experiment_stands_in_the_lineage_of_its_dataset(db, versions):
    experiment = create(db, "1", name="baseline", created_by="ann")["experiment_id"]
    found = rows(db, "select * from public.fn_trace_dataset(%s)", SLUG)
    assert [one["kind"] for one in found] == ["dataset", "version", "version", "experiment"]
    assert (found[3]["name"], found[3]["came_from"]) == (str(experiment), "version 1")
    assert found[3]["detail"] == "baseline, 1 run of each example, by ann"
    assert (found[3]["version_id"], found[3]["experiment_id"]) == (versions[0], experiment)


def test_checks_find_what_no_function_writes(db, versions):
    experiment = create(db)["experiment_id"]
    upsert(db, {"a": 1}, slug="other")
    other = create(db, slug="other")["experiment_id"]
    run(db, experiment, "a", "1")
    evaluate(db, experiment, "a", score=1.0)
    for check in ("experiment_versions_differ", "evaluations_of_failed_runs"):
        assert rows(db, f"select * from public.{check}") == []
    db.execute("update public.experiments set version_id = %s where experiment_id = %s", [versions[0], other])
    db.execute("update public.experiment_runs set output = null, error = 'boom'")
    assert [row["subject"] for row in rows(db, "select * from public.experiment_versions_differ")] == [str(other)]
    [found] = rows(db, "select * from public.evaluations_of_failed_runs")
    assert (found["subject"], "match" in found["detail"]) == (str(experiment), True)
