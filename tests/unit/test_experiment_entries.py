"""Runs and evaluations as they are sent: what they are read of, and what is refused with its place."""

from datetime import UTC, datetime

import pytest

from stage1.model.experiments import Evaluation, Run, checked_evaluation, checked_run
from stage1.model.json_lines import EntryRefused

NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)


def test_entries_are_read_of_objects():
    run = checked_run({"source_id": "a", "output": {"b": 1, "a": [None]}, "started_at": "2024-01-02t13:00:00.5+01:00"})
    assert run == Run("a", output='{"a":[null],"b":1}', started_at=NOON.replace(microsecond=500_000))
    assert checked_run({"source_id": "a"}).output == "null"
    assert checked_run({"source_id": "a", "error": "no", "output": None}) == Run("a", error="no")
    assert checked_evaluation({"source_id": "a", "name": "m", "score": 1, "metadata": {}}) == Evaluation("a", "m", score=1.0)


@pytest.mark.parametrize(
    ("pointer", "changes"),
    [
        ("", None),
        ("", {"x": 1}),
        ("", {"source_id": ...}),
        ("/source_id", {"source_id": 1}),
        ("/source_id", {"source_id": "\u00e9" * 513}),
        ("/repetition", {"repetition": True}),
        ("/repetition", {"repetition": 1.5}),
        ("/repetition", {"repetition": 0}),
        ("/repetition", {"repetition": 1001}),
        ("/error", {"error": ""}),
        ("/error", {"error": "a\0b"}),
        ("/error", {"error": "\ud800"}),
        ("/started_at", {"started_at": "2024-01-02T12:00:00"}),
        ("/started_at", {"started_at": "2024-02-30T12:00:00Z"}),
        ("/started_at", {"started_at": "0001-01-01T00:00:00+14:00"}),
        ("/finished_at", {"started_at": "2024-01-02T12:00:01Z", "finished_at": "2024-01-02T12:00:00Z"}),
    ],
)
@pytest.mark.parametrize("check", [checked_run, checked_evaluation])
def test_an_entry_that_is_not_of_its_form_is_refused_with_its_place(check, pointer, changes):
    good = {"source_id": "a", **({"name": "m"} if check is checked_evaluation else {})}
    assert check(good)
    given = changes and {name: value for name, value in {**good, **changes}.items() if value is not ...}
    with pytest.raises(EntryRefused) as refused:
        check(given)
    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    ("pointer", "changes"),
    [
        ("/name", {"name": ""}),
        ("/name", {"name": "\u00e9" * 128}),
        ("/annotator_kind", {"annotator_kind": "ROBOT"}),
        ("/score", {"score": "1"}),
        ("/score", {"score": True}),
        ("/score", {"score": 2e100}),
        ("/label", {"label": 1}),
        ("/metadata", {"metadata": []}),
        ("/error", {"error": "no", "score": 1}),
    ],
)
def test_an_evaluation_that_is_not_sound_is_refused(pointer, changes):
    with pytest.raises(EntryRefused) as refused:
        checked_evaluation({"source_id": "a", "name": "m", **changes})
    assert refused.value.pointer == pointer


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_refused(score):
    with pytest.raises(EntryRefused):
        Evaluation("a", "m", score=score)


@pytest.mark.parametrize("output", [1, False, {}])
def test_a_run_has_an_output_or_an_error(output):
    with pytest.raises(EntryRefused) as refused:
        checked_run({"source_id": "a", "output": output, "error": "no"})
    assert refused.value.pointer == "/error"
    with pytest.raises(EntryRefused):
        Run("a", output="null", error="no")
