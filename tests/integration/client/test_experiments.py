"""Does an experiment run on the version it names, and do its results come back, against the real server?"""

import os
import signal
import threading

import pytest

from stage1 import errors
from stage1.client import Interrupted


def rows(count, bias=0):
    return [{"source_id": f"s{n:04}", "input": {"n": n}, "output": {"double": 2 * n + bias}} for n in range(count)]


def double(input):  # noqa: A002
    return 2 * input["n"]


def nearly(input):  # noqa: A002
    if input["n"] == 3:
        raise ValueError("not three")
    return 2 * input["n"] + (input["n"] % 2)


def right(output, expected):
    return output == expected["double"]


async def distance(output, expected):
    return {"score": abs(output - expected["double"]), "label": "far" if output > 10 else "near", "explanation": "by subtraction"}


def test_an_experiment_is_run_on_its_version(client):
    dataset = client.upsert_dataset(name="run", examples=rows(20), mode="merge")
    client.upsert_dataset(name="run", examples=rows(30, bias=1), mode="merge")
    experiment = client.run_experiment(dataset, double, [right, distance], name="first", metadata={"k": 1}, repetitions=2)
    assert (experiment.version_id, experiment.name, experiment.info["metadata"]) == (dataset.version_id, "first", {"k": 1})
    assert (experiment.expected_run_count, experiment.successful_run_count, experiment.missing_run_count) == (40, 40, 0)
    read_back = client.get_experiment(experiment.experiment_id)
    said = str(read_back)
    assert "on       run, version 1" in said
    assert "40 of 40 succeeded, 0 failed, 0 missing" in said
    assert "right           40     1       0  true 40" in said
    # What was counted while it ran is what the server has; the server's times are the same to the microsecond.
    assert str(experiment) == said
    assert {run["output"] for run in experiment.runs()} == {2 * n for n in range(20)}
    assert experiment.experiment_id in {each.experiment_id for each in client.list_experiments("run")}


def test_errored_runs_are_made_again_when_it_is_resumed(client):
    client.upsert_dataset(name="resumed", examples=rows(6), mode="merge")
    experiment = client.run_experiment("resumed", nearly, {"exact": right})
    assert (experiment.failed_run_count, experiment.successful_run_count) == (1, 5)
    assert "1 x ValueError" in str(experiment)
    seen = []

    def again(source_id, input):  # noqa: A002
        seen.append(source_id)
        return double(input)

    resumed = client.resume_experiment(experiment, again, {"exact": right, "distance": distance})
    assert seen == ["s0003"]
    assert (resumed.failed_run_count, resumed.successful_run_count) == (0, 6)
    tally = resumed.tally
    assert tally.evaluations["exact"].labels == {"true": 4, "false": 2}
    assert tally.evaluations["distance"].scores == 6
    evaluated = client.evaluate_experiment(resumed, {"third": lambda output: None if output else 1})
    assert set(evaluated.tally.evaluations) == {"exact", "distance", "third"}
    assert evaluated.tally.evaluations["third"].scores == 1
    asked = []
    client.evaluate_experiment(experiment.experiment_id, {"third": asked.append})
    assert asked == []


def test_an_interrupted_experiment_keeps_what_was_done(client):
    client.upsert_dataset(name="interrupted", examples=rows(50), mode="merge")
    is_over = threading.Event()

    def task(source_id, input):  # noqa: A002
        if source_id == "s0030":
            os.kill(os.getpid(), signal.SIGINT)
            is_over.wait(60)
        return double(input)

    with pytest.raises(Interrupted) as interrupted:
        client.run_experiment("interrupted", task, concurrency=1)
    is_over.set()
    assert client.get_experiment(interrupted.value.experiment_id).successful_run_count == 30
    done = client.resume_experiment(interrupted.value.experiment_id, double)
    assert done.successful_run_count == 50


def test_two_experiments_are_compared(client):
    dataset = client.upsert_dataset(name="compared", examples=rows(8), mode="merge")
    base = client.run_experiment(dataset, nearly, {"exact": right}, name="base")
    changed = client.upsert_dataset(
        name="compared", examples=[*rows(7), {"source_id": "s0007", "input": {"n": 7}}], mode="mirror"
    )
    other = client.run_experiment(changed, double, {"exact": lambda output, expected: output == expected.get("double")})
    comparison = client.compare_experiments(base, other.experiment_id)
    [exact] = comparison.evaluations
    # Of eight examples one failed in the base, and one has another content in the other version.
    assert (exact.base_count, exact.other_count, exact.paired_count) == (7, 8, 6)
    assert (exact.better, exact.worse, exact.equal) == (2, 0, 4)
    assert exact.delta == pytest.approx(2 / 6)
    assert exact.interval[0] < exact.delta < exact.interval[1]
    assert not exact.is_clear
    assert [row["source_id"] for row in comparison if row["content_differs"]] == ["s0007"]
    assert "exact" in str(comparison)
    elsewhere = client.upsert_dataset(name="elsewhere", examples=rows(1), mode="merge")
    with pytest.raises(errors.NotComparable):
        client.compare_experiments(base, client.run_experiment(elsewhere, double))


def test_results_are_frames(client):
    pandas = pytest.importorskip("pandas")
    dataset = client.upsert_dataset(name="framed", examples=rows(4), mode="merge")
    base = client.run_experiment(dataset, nearly, [right, distance])
    other = client.run_experiment(dataset, double, [right, distance])
    frame = base.to_frame().set_index("source_id")
    assert list(frame["output"][["s0000", "s0001", "s0002"]]) == [0, 3, 4]
    assert frame.loc["s0003", "error"] == "ValueError: not three"
    assert list(frame["right.score"][:3]) == [1.0, 0.0, 1.0]
    assert frame["distance.explanation"].iloc[0] == "by subtraction"
    assert isinstance(frame["started_at"].dtype, pandas.DatetimeTZDtype)
    beside = client.compare_experiments(base, other).to_frame()
    assert list(beside["right.delta"][:3]) == [0.0, 1.0, 0.0]
    assert list(beside["base_errors"]) == [0, 0, 0, 1]


def test_what_cannot_be_is_refused(client):
    with pytest.raises(errors.ExperimentNotFound):
        client.get_experiment("11111111-1111-4111-8111-111111111111")
    with pytest.raises(errors.DatasetNotFound):
        client.run_experiment("nowhere", double)
    planned = client.upsert_dataset(name="planned", examples=rows(1), mode="merge", dry_run=True)
    with pytest.raises(errors.ArgumentInvalid, match="no version yet"):
        client.run_experiment(planned, double)
