"""`stage1 experiments`, and the operations that record what it shows."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from stage1 import settings as settings_module
from stage1.errors import ContentRefused, ExitCode, RunRecorded
from stage1.model.experiments import Evaluation, Run
from stage1.operations import experiments
from tests.sql.experiments import SLUG, upsert

BASE, OTHER, GONE = (UUID(int=number) for number in (1, 2, 3))
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
NASTY = 'tab\t back\\ line\n return\r "quoted" \\N \u00e9\U0001f600'


@pytest.fixture
def settings():
    return settings_module.load(environment={}, start=Path("/"))


@pytest.fixture
def recorded(database, settings):
    """Two experiments on two versions, the first with runs and evaluations."""
    with database.connect() as connection:
        upsert(connection, {"a": 1, NASTY: 2, "c": 3})
    wish = experiments.NewExperiment(SLUG, experiment_id=BASE, name="base", metadata='{"n":1.10}')
    experiments.create_experiment(database.target, settings, wish)
    with database.connect() as connection:
        upsert(connection, {"a": 11, NASTY: 2, "c": 3})
    experiments.create_experiment(database.target, settings, experiments.NewExperiment(SLUG, experiment_id=OTHER))
    runs = [
        Run("a", output='{"n":9007199254740993}', started_at=NOON, finished_at=NOON),
        Run(NASTY, output=json.dumps(NASTY, ensure_ascii=False)),
        Run("c", error=NASTY),
    ]
    counts = experiments.record_runs(database.target, settings, BASE, iter(runs), recorded_by="ann")
    assert counts == {"recorded": 3, "replaced": 0, "unchanged": 0, "kept": 0}
    given = [Evaluation("a", "m", score=0.1), Evaluation(NASTY, NASTY, label=NASTY, explanation=NASTY, metadata='{"k":1.50}')]
    assert experiments.record_evaluations(database.target, settings, BASE, iter(given))["recorded"] == 2
    return database


def test_what_is_recorded_comes_back_as_it_was(recorded, settings):
    target = recorded.target
    first, third, second = experiments.runs_page(target, settings, BASE)  # in the order of their examples
    assert (str(first["output"]), first["started_at"], first["finished_at"]) == ('{"n":9007199254740993}', NOON, NOON)
    assert (second["source_id"], json.loads(str(second["output"]))) == (NASTY, NASTY)
    assert (third["error"], third["output"]) == (NASTY, None)
    [evaluation] = json.loads(str(second["evaluations"]))
    assert (evaluation["name"], evaluation["label"], evaluation["explanation"]) == (NASTY, NASTY, NASTY)
    assert '{"k": 1.50}' in str(second["evaluations"])
    assert experiments.record_run(target, settings, BASE, Run("c", output="[]"), "bob")["outcome"] == "replaced"
    assert experiments.record_evaluation(target, settings, BASE, Evaluation("c", "m", error="no"))["outcome"] == "recorded"
    [missing] = experiments.incomplete_evaluations(target, settings, BASE, ["m"], 1, first["run_id"])
    assert (missing["source_id"], str(missing["run_output"]), missing["names"]) == ("c", "[]", ["m"])
    with pytest.raises(RunRecorded):
        experiments.record_runs(target, settings, BASE, [Run("c", output="1")])
    assert experiments.record_runs(target, settings, BASE, [Run("c", output="1")], on_conflict="keep")["kept"] == 1


def test_a_batch_that_breaks_off_records_nothing(recorded, settings):
    def runs():
        yield Run("a", output="1")
        yield Run("")

    with pytest.raises(ContentRefused) as refused:
        experiments.record_runs(recorded.target, settings, OTHER, runs())
    assert refused.value.pointer == "/source_id"
    assert experiments.show_experiment(recorded.target, settings, OTHER)["missing_run_count"] == 3


def test_experiments_are_listed_shown_and_compared(recorded, run_cli, settings):
    found = run_cli("experiments", "list", "--dataset", SLUG, database=recorded).json
    assert [row["experiment_id"] for row in found] == [str(OTHER), str(BASE)]
    assert [row["name"] for row in run_cli("experiments", "list", "--limit", "1", database=recorded).json] == [None]
    shown = run_cli("experiments", "show", str(BASE), database=recorded)
    assert (shown.json["successful_run_count"], shown.json["failed_run_count"], shown.json["missing_run_count"]) == (2, 1, 0)
    assert '"n": 1.10' in shown.stdout
    listed = run_cli("experiments", "runs", str(BASE), "--limit", "2", database=recorded).json
    assert [(row["source_id"], row["error"]) for row in listed] == [("a", None), ("c", NASTY)]
    behind = run_cli("experiments", "runs", str(BASE), "--after", str(listed[1]["run_id"]), database=recorded).json
    assert [row["output"] for row in behind] == [NASTY]
    missing = run_cli("experiments", "runs", str(BASE), "--missing", database=recorded).json
    assert [(row["source_id"], row["repetitions"]) for row in missing] == [("c", [1])]
    experiments.record_runs(recorded.target, settings, OTHER, [Run("a", output="1")])
    experiments.record_evaluations(recorded.target, settings, OTHER, [Evaluation("a", "m", score=0.4)])
    compared = run_cli("experiments", "compare", str(BASE), str(OTHER), database=recorded).json
    assert [(row["name"], row["base_mean"], row["other_mean"], row["paired_count"]) for row in compared] == [
        ("m", 0.1, 0.4, 0),  # the content of a differs
        (NASTY, None, None, 0),
    ]
    by_example = run_cli("experiments", "compare", str(BASE), str(OTHER), "--examples", "--limit", "2", database=recorded).json
    assert [(row["source_id"], row["content_differs"]) for row in by_example] == [("a", True), ("c", False)]
    assert [run["output"] for run in by_example[0]["base_runs"]] == [{"n": 9007199254740993}]
    for arguments in (["list"], ["runs", str(OTHER)], ["compare", str(BASE), str(OTHER)]):
        table = run_cli("experiments", *arguments, "--format", "table", database=recorded)
        assert table.exit_code == 0 and len(table.stdout.splitlines()) > 2


def test_a_table_says_of_an_evaluation_its_name_label_and_score(recorded, run_cli, settings):
    given = [Evaluation("a", "n", label="good", score=0.25), Evaluation("a", "o", error="no"), Evaluation("a", "p", label="bad")]
    experiments.record_evaluations(recorded.target, settings, BASE, given)
    runs = run_cli("experiments", "runs", str(BASE), "--format", "table", database=recorded).stdout
    assert "m 0.1, n good (0.25), o failed, p bad" in runs and "annotator_kind" not in runs
    assert "annotator_kind" in run_cli("experiments", "runs", str(BASE), "--format", "table", "-v", database=recorded).stdout
    pairs = run_cli("experiments", "compare", str(BASE), str(OTHER), "--examples", "--format", "table", database=recorded).stdout
    assert [line.split()[-1] for line in pairs.splitlines() if line.startswith(("a ", "c "))] == ["bad", "failed"]


def test_what_is_not_there_is_an_answer_and_nonsense_is_not(recorded, run_cli):
    for arguments in (["show", str(GONE)], ["runs", str(GONE)], ["compare", str(BASE), str(GONE)]):
        found = run_cli("experiments", *arguments, database=recorded)
        assert (found.exit_code, "[S1X01]" in found.stderr) == (ExitCode.ANSWER_IS_NO, True)
    gone = run_cli("experiments", "list", "--dataset", "p_gone", database=recorded)
    # An argument has the name that people know; what they gave stays as it is.
    assert (gone.exit_code, "error: dataset was 'p_gone';" in gone.stderr) == (ExitCode.ANSWER_IS_NO, True)
    assert run_cli("experiments", "runs", str(BASE), "--limit", "0", database=recorded).exit_code == ExitCode.REFUSED
    for arguments in (["show", "x"], ["runs", str(BASE), "--missing", "--after", "1"]):
        assert run_cli("experiments", *arguments, database=recorded).exit_code == ExitCode.USAGE
