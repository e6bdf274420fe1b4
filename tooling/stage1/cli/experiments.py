"""`stage1 experiments`."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import click

from stage1.cli import rendering
from stage1.cli.datasets import INTEGER, WholeNumber
from stage1.cli.options import Application, Group, pass_application

# What fits a line of a screen; -v, JSON and CSV have all columns.
_LISTED = ("experiment_id", "name", "dataset_slug", "version_sequence", "failed_run_count", "missing_run_count")
_RUNS = ("run_id", "source_id", "repetition", "attempt", "output", "error", "evaluations")
_MISSING = ("source_id", "repetitions", "input")
_EVALUATIONS = (
    *("name", "base_count", "base_mean", "other_count", "other_mean", "paired_count", "paired_delta_mean"),
    *("better", "worse", "equal"),
)
_COMPARED = ("source_id", "presence", "content_differs", "base", "other")

_limit = click.option("--limit", type=INTEGER, default=50, show_default=True, help="How many at the most.")


@click.group(cls=Group)
def experiments() -> None:
    """List, show and compare experiments on versioned examples.

    An experiment runs a task on each example of one version of a set, and evaluates what it answered. Programs record them
    through the REST server or its Python client; an ID is the experiment's id.
    """


@experiments.command("list")
@click.option("--dataset", metavar="SLUG", help="Only those on this set; its name or its id.")
@_limit
@pass_application
def list_experiments(application: Application, dataset: str | None, limit: int) -> None:
    """List the experiments, the newest first; -v shows all columns.

    \b
    Examples:
        stage1 experiments list
        stage1 experiments list --dataset breakouts --limit 10
    """
    from stage1.operations import experiments as operation

    application.show(operation.list_experiments(application.target(), application.settings, dataset, limit), _LISTED)


@experiments.command()
@click.argument("experiment", type=click.UUID, metavar="ID")
@pass_application
def show(application: Application, experiment: UUID) -> None:
    """Show one experiment, its version, and how far its runs are.

    \b
    Examples:
        stage1 experiments show 6f1c0f0e-7d43-4b53-9b5e-0f6b7d0c1a2b
    """
    from stage1.operations import experiments as operation

    application.show_record(operation.show_experiment(application.target(), application.settings, experiment))


@experiments.command()
@click.argument("experiment", type=click.UUID, metavar="ID")
@_limit
@click.option("--after", type=WholeNumber(0, 2**63 - 1), metavar="RUN", help="Only those behind this run_id.")
@click.option("--missing", is_flag=True, help="In place of runs the examples that are not run yet, or whose runs failed.")
@pass_application
def runs(application: Application, experiment: UUID, limit: int, after: int | None, missing: bool) -> None:
    """List the runs of an experiment with their evaluations.

    They come in the order in which they were first recorded; -v shows all columns, and all of each evaluation.

    \b
    Examples:
        stage1 experiments runs 6f1c0f0e-7d43-4b53-9b5e-0f6b7d0c1a2b
        stage1 experiments runs 6f1c0f0e-7d43-4b53-9b5e-0f6b7d0c1a2b --missing
    """
    from stage1.operations import experiments as operation

    if missing and after is not None:
        raise click.UsageError("--after is the number of a run; what is missing has none.")
    target, settings = application.target(), application.settings
    if missing:
        application.show(operation.incomplete_runs(target, settings, experiment, limit), _MISSING)
    else:
        rows = operation.runs_page(target, settings, experiment, limit, after)
        if _is_for_people(application):
            rows = [{**row, "evaluations": _judged(row["evaluations"])} for row in rows]
        application.show(rows, _RUNS)


@experiments.command()
@click.argument("base", type=click.UUID)
@click.argument("other", type=click.UUID)
@click.option("--examples", "by_example", is_flag=True, help="Example by example, with the runs of both.")
@click.option("--limit", type=INTEGER, default=50, show_default=True, help="How many examples at the most.")
@click.option("--after", metavar="SOURCE_ID", help="The examples behind this one.")
@pass_application
def compare(application: Application, base: UUID, other: UUID, by_example: bool, limit: int, after: str | None) -> None:
    """Compare two experiments on one set by what evaluators say of them.

    The paired columns are of the examples whose content is the same for both, each by the mean of its repetitions: how the score
    changed from BASE to OTHER, and on how many it is better, worse and equal. With --examples, -v shows the runs as they are.

    \b
    Examples:
        stage1 experiments compare 6f1c0f0e-7d43-4b53-9b5e-0f6b7d0c1a2b 0b9d6c44-52f7-4f0b-8a53-6d2f3c1e9a77
        stage1 experiments compare 6f1c0f0e-7d43-4b53-9b5e-0f6b7d0c1a2b 0b9d6c44-52f7-4f0b-8a53-6d2f3c1e9a77 --examples
    """
    from stage1.operations import experiments as operation

    target, settings = application.target(), application.settings
    if by_example:
        rows = operation.compare_page(target, settings, base, other, limit, after)
        if _is_for_people(application):
            rows = [{**row, "base": _judged_runs(row["base_runs"]), "other": _judged_runs(row["other_runs"])} for row in rows]
        application.show(rows, _COMPARED)
    else:
        application.show(operation.compare_evaluations(target, settings, base, other), _EVALUATIONS)


def _is_for_people(application: Application) -> bool:
    return application.format is rendering.Format.TABLE and application.verbosity is not rendering.Verbosity.VERBOSE


def _judged(evaluations: object) -> str:
    """What evaluators say of a run, in a line: `right true (1), size 0.5`."""
    return _line_of(json.loads(str(evaluations or "[]")))


def _judged_runs(runs: object) -> str:
    """The same of the repetitions of an example, one after the other."""
    found = json.loads(str(runs or "[]"))
    return " | ".join("failed" if run["error"] is not None else _line_of(run["evaluations"]) for run in found)


def _line_of(evaluations: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{each['name']} {_verdict(each)}".rstrip() for each in evaluations)


def _verdict(evaluation: dict[str, Any]) -> str:
    if evaluation["error"] is not None:
        return "failed"
    label, score = evaluation["label"], evaluation["score"]
    figure = "" if score is None else f"{score:.4g}"
    return f"{label} ({figure})" if label and figure else label or figure
