"""Experiments on versions of datasets: their runs, evaluations of these, what is missing, and comparisons.

Each operation is one call of a function of the database, a batch a COPY before it, in one transaction: all of it is recorded,
or nothing. A run is known by the source id of its example and its repetition. Imports database and model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from stage1 import faults
from stage1.database import calls, experiment_recording
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.model.experiments import Evaluation, Run
from stage1.operations.examples import refusals_explained
from stage1.settings import Settings

Row = dict[str, Any]


@dataclass(frozen=True)
class NewExperiment:
    """What an experiment is to be. With the same id and the same content it is created once, however often it is asked for."""

    dataset: str
    version: str = "latest"
    experiment_id: UUID | None = None
    name: str | None = None
    description: str | None = None
    metadata: str = "{}"  # JSON, as text: its numbers stay exact
    repetitions: int = 1
    created_by: str | None = None


def create_experiment(target: Target, settings: Settings, wish: NewExperiment) -> Row:
    """Creates an experiment on a version of a dataset, and returns it."""
    with connected(target, settings, Purpose.SERVE) as connection:
        return calls.rows(
            connection,
            "public.create_experiment",
            p_dataset=wish.dataset,
            p_version=wish.version,
            p_experiment_id=wish.experiment_id,
            p_name=wish.name,
            p_description=wish.description,
            p_metadata=wish.metadata,
            p_repetitions=wish.repetitions,
            p_created_by=wish.created_by,
        )[0]


def show_experiment(target: Target, settings: Settings, experiment_id: UUID) -> Row:
    """One experiment, and how many of its runs succeeded, failed and are missing."""
    return _read(target, settings, "public.fn_show_experiment", p_experiment_id=experiment_id)[0]


def list_experiments(
    target: Target,
    settings: Settings,
    dataset: str | None = None,
    limit: int = 50,
    after_created_at: datetime | None = None,
    after_experiment_id: UUID | None = None,
) -> list[Row]:
    """The experiments that follow one, of a dataset or of all, the newest first."""
    return _read(
        target,
        settings,
        "public.fn_list_experiments",
        p_dataset=dataset,
        p_limit=limit,
        p_after_created_at=after_created_at,
        p_after_experiment_id=after_experiment_id,
    )


def record_runs(
    target: Target,
    settings: Settings,
    experiment_id: UUID,
    runs: Iterable[Run],
    *,
    on_conflict: str = "refuse",
    recorded_by: str | None = None,
) -> Row:
    """Records runs, and counts what became of them: recorded, replaced (a failure), unchanged, kept.

    A run that succeeded with another output is refused, or kept where `on_conflict` is `keep`.
    """
    with connected(target, settings, Purpose.SERVE) as connection:
        with refusals_explained():
            experiment_recording.stage_runs(connection, runs)
        faults.reach("runs staged")
        [counts] = calls.rows(
            connection,
            "public.record_experiment_runs",
            p_experiment_id=experiment_id,
            p_on_conflict=on_conflict,
            p_recorded_by=recorded_by,
        )
        faults.reach("runs written")
    return counts


def record_run(target: Target, settings: Settings, experiment_id: UUID, run: Run, recorded_by: str | None = None) -> Row:
    """Records one run: its number, and whether it is recorded, replaced a failure, or was there already."""
    with connected(target, settings, Purpose.SERVE) as connection:
        return calls.rows(
            connection,
            "public.record_experiment_run",
            p_experiment_id=experiment_id,
            p_source_id=run.source_id,
            p_repetition=run.repetition,
            p_output=run.output,
            p_error=run.error,
            p_started_at=run.started_at,
            p_finished_at=run.finished_at,
            p_recorded_by=recorded_by,
        )[0]


def record_evaluations(
    target: Target,
    settings: Settings,
    experiment_id: UUID,
    evaluations: Iterable[Evaluation],
    recorded_by: str | None = None,
) -> Row:
    """Records evaluations of successful runs, and counts what became of them; the last one of a run and name counts."""
    with connected(target, settings, Purpose.SERVE) as connection:
        with refusals_explained():
            experiment_recording.stage_evaluations(connection, evaluations)
        faults.reach("evaluations staged")
        [counts] = calls.rows(
            connection,
            "public.record_experiment_evaluations",
            p_experiment_id=experiment_id,
            p_recorded_by=recorded_by,
        )
        faults.reach("evaluations written")
    return counts


def record_evaluation(
    target: Target, settings: Settings, experiment_id: UUID, evaluation: Evaluation, recorded_by: str | None = None
) -> Row:
    """Records one evaluation of a successful run."""
    with connected(target, settings, Purpose.SERVE) as connection:
        return calls.rows(
            connection,
            "public.record_experiment_evaluation",
            p_experiment_id=experiment_id,
            p_source_id=evaluation.source_id,
            p_name=evaluation.name,
            p_repetition=evaluation.repetition,
            p_annotator_kind=evaluation.annotator_kind,
            p_label=evaluation.label,
            p_score=evaluation.score,
            p_explanation=evaluation.explanation,
            p_error=evaluation.error,
            p_metadata=evaluation.metadata,
            p_started_at=evaluation.started_at,
            p_finished_at=evaluation.finished_at,
            p_recorded_by=recorded_by,
        )[0]


def runs_page(
    target: Target, settings: Settings, experiment_id: UUID, limit: int = 50, after_run_id: int | None = None
) -> list[Row]:
    """The runs that follow one, by number, each with its evaluations."""
    return _read(
        target,
        settings,
        "public.fn_experiment_runs",
        p_experiment_id=experiment_id,
        p_limit=limit,
        p_after_run_id=after_run_id,
    )


def incomplete_runs(
    target: Target, settings: Settings, experiment_id: UUID, limit: int = 50, after_source_id: str | None = None
) -> list[Row]:
    """The examples that follow a source id and are still to be run, with the repetitions that are missing or failed."""
    return _read(
        target,
        settings,
        "public.fn_incomplete_runs",
        p_experiment_id=experiment_id,
        p_limit=limit,
        p_after_source_id=after_source_id,
    )


def incomplete_evaluations(
    target: Target,
    settings: Settings,
    experiment_id: UUID,
    names: Sequence[str],
    limit: int = 50,
    after_run_id: int | None = None,
) -> list[Row]:
    """The successful runs that follow one and lack a successful evaluation of one of the names, with these names."""
    return _read(
        target,
        settings,
        "public.fn_incomplete_evaluations",
        p_experiment_id=experiment_id,
        p_names=list(names),
        p_limit=limit,
        p_after_run_id=after_run_id,
    )


def compare_evaluations(target: Target, settings: Settings, base: UUID, other: UUID) -> list[Row]:
    """Two experiments by what evaluators say of them, a row for each name."""
    return _read(target, settings, "public.fn_compare_evaluations", p_base=base, p_other=other)


def compare_page(
    target: Target, settings: Settings, base: UUID, other: UUID, limit: int = 50, after_source_id: str | None = None
) -> list[Row]:
    """Two experiments example by example: the examples that follow a source id, with the runs of both."""
    return _read(
        target,
        settings,
        "public.fn_compare_experiments",
        p_base=base,
        p_other=other,
        p_limit=limit,
        p_after_source_id=after_source_id,
    )


def _read(target: Target, settings: Settings, function: str, **arguments: object) -> list[Row]:
    with connected(target, settings, Purpose.READ) as connection:
        return calls.rows(connection, function, **arguments)
