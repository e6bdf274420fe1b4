"""Does a result that is odd, deep or large stay one run's, and never end the experiment of all?"""

import pytest


def _deep(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


RESULTS = {
    "deepest": _deep(97),
    "too deep": _deep(98),
    "large": "\u00e9" * 8_000_000,
    "too large": "\u00e9" * 9_000_000,
    "null": None,
    "text": "\U0001f600\u2028\x7f",
    "small": 1e-7,
    "long": list(range(50_000)),
}
EVALUATIONS = {
    "empty label": lambda output: "" if output is None else None,
    "long label": lambda: "y" * 100_000,
    "huge score": lambda: 1e100,
    "beyond": lambda: 1e101,
    "none": lambda: None,
    "deep": lambda: {"metadata": {"deep": _deep(96)}},
    "too deep": lambda: {"metadata": {"deep": _deep(97)}},
}


def test_odd_results_are_kept_or_are_errors_of_their_own(client):
    rows = [{"source_id": f"{name} {n}", "input": {"name": name}} for name in RESULTS for n in range(2)]
    dataset = client.upsert_dataset(name="odd", examples=rows, mode="merge")
    experiment = client.run_experiment(dataset, lambda row: RESULTS[row["name"]], EVALUATIONS, concurrency=2)
    found = {run["source_id"]: run for run in experiment.runs()}
    assert len(found) == len(rows)
    assert found["too deep 1"]["error"].startswith("ValueError: what was returned is no JSON value: /0/0")
    assert "18,000,002 bytes as JSON" in found["too large 0"]["error"]
    for name in RESULTS.keys() - {"too deep", "too large"}:
        assert found[f"{name} 0"]["error"] is None
        assert found[f"{name} 0"]["output"] == RESULTS[name]
    of_null = {each["name"]: each for each in found["null 0"]["evaluations"]}
    assert of_null["beyond"]["error"].startswith("ValueError: a score lies between")
    assert of_null["too deep"]["error"].startswith("ValueError")
    assert of_null["huge score"]["score"] == 1e100
    assert of_null["deep"]["metadata"]["deep"] == _deep(96)
    assert of_null["empty label"]["label"] == ""
    assert len(of_null["long label"]["label"]) == 100_000


@pytest.mark.parametrize("length", [255])
def test_names_may_be_long(client, length):
    dataset = client.upsert_dataset(name="long names", examples=[{"source_id": "a", "input": {}}], mode="merge")
    experiment = client.run_experiment(dataset, lambda: 1, {"n" * length: lambda output: output}, name="e" * length)
    assert experiment.tally.evaluations["n" * length].mean == 1
