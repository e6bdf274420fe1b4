"""Experiments: their runs and evaluations, one by one and many at once, what is missing, and comparisons."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from stage1.model.canonical_json import written
from stage1.model.experiments import Evaluation, Run, checked_evaluation, checked_run
from stage1.operations import experiments
from stage1.operations.experiments import NewExperiment
from stage1.server import paging
from stage1.server.answers import answer
from stage1.server.bodies import SpooledBody, json_body, streamed_body
from stage1.server.entries import read_entries
from stage1.server.schemas import experiments as schemas
from stage1.server.schemas.pages import Page
from stage1.server.serving import Asked, Served

router = APIRouter(prefix="/v1/experiments", tags=["experiments"])

ExperimentId = Annotated[UUID, Path(description="The experiment's id.")]
EvaluationNames = Annotated[
    list[Annotated[str, Query(min_length=1, max_length=255)]],
    Query(min_length=1, max_length=100, description="Evaluations that each run is to have; may be given several times."),
]


@router.post("", operation_id="create_experiment", summary="Create an experiment", response_model=schemas.Experiment)
def create(served: Served, caller: Asked, body: Annotated[schemas.ExperimentBody, json_body(schemas.ExperimentBody)]) -> Response:
    """Begin an experiment on a version of a dataset; it stays on that version, whatever becomes of the dataset."""
    wish = NewExperiment(
        dataset=body.dataset,
        version=body.version,
        experiment_id=body.experiment_id,
        name=body.name,
        description=body.description,
        metadata=written(body.metadata),
        repetitions=body.repetitions,
        created_by=caller.created_by,
    )
    return answer(experiments.create_experiment(served.target, served.settings, wish))


@router.get("", operation_id="list_experiments", summary="List experiments", response_model=Page[schemas.Experiment])
def list_experiments(
    served: Served,
    dataset: Annotated[str | None, Query(min_length=1, max_length=300, description="Name or id; without it, of all.")] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> Response:
    """The experiments of a dataset or of all, the newest first."""
    read = partial(experiments.list_experiments, served.target, served.settings, dataset)
    key = paging.key_of(cursor, paging.moment, paging.identifier)
    return answer(paging.sized_page(read, limit, key, "created_at", "experiment_id"))


@router.get("/{experiment_id}", operation_id="show_experiment", summary="Show an experiment", response_model=schemas.Experiment)
def show(served: Served, experiment_id: ExperimentId) -> Response:
    """One experiment, and how many of its runs succeeded, failed and are missing."""
    return answer(experiments.show_experiment(served.target, served.settings, experiment_id))


@router.post("/{experiment_id}/runs", operation_id="record_run", summary="Record a run", response_model=schemas.Recorded)
def record_run(
    served: Served,
    caller: Asked,
    experiment_id: ExperimentId,
    body: Annotated[schemas.RunBody, json_body(schemas.RunBody)],
) -> Response:
    """Record what a task made of an example. A run that failed may be recorded again, one that succeeded stays."""
    run = Run(
        source_id=body.source_id,
        repetition=body.repetition,
        output=written(body.output) if body.error is None or body.output is not None else None,
        error=body.error,
        started_at=body.started_at,
        finished_at=body.finished_at,
    )
    return answer(experiments.record_run(served.target, served.settings, experiment_id, run, caller.created_by))


@router.post(
    "/{experiment_id}/runs/batch", operation_id="record_runs", summary="Record many runs", response_model=schemas.RunCounts
)
def record_runs(
    served: Served,
    caller: Asked,
    experiment_id: ExperimentId,
    body: Annotated[SpooledBody, streamed_body(schemas.RunsBody, line=schemas.RunBody, head=schemas.RunsHead)],
) -> Response:
    """Record many runs, all or none. As NDJSON the first line is the request without its runs, and each line behind it a run."""
    head, runs = read_entries(body, schemas.RunsHead, "runs", checked_run)
    counts = experiments.record_runs(
        served.target, served.settings, experiment_id, runs, on_conflict=head.on_conflict, recorded_by=caller.created_by
    )
    return answer(counts)


@router.get("/{experiment_id}/runs", operation_id="list_runs", summary="List runs", response_model=Page[schemas.Run])
def list_runs(served: Served, experiment_id: ExperimentId, limit: paging.Limit = 50, cursor: paging.Cursor = None) -> Response:
    """The runs of an experiment, each with its evaluations, in the order in which they were first recorded."""
    read = partial(experiments.runs_page, served.target, served.settings, experiment_id)
    return answer(paging.sized_page(read, limit, paging.key_of(cursor, paging.whole), "run_id"))


@router.get(
    "/{experiment_id}/runs/missing",
    operation_id="list_missing_runs",
    summary="List what is still to be run",
    response_model=Page[schemas.MissingRuns],
)
def missing_runs(served: Served, experiment_id: ExperimentId, limit: paging.Limit = 50, cursor: paging.Cursor = None) -> Response:
    """The examples with repetitions that are missing or failed: what resuming the experiment has to run."""
    read = partial(experiments.incomplete_runs, served.target, served.settings, experiment_id)
    return answer(paging.sized_page(read, limit, paging.key_of(cursor, paging.text), "source_id"))


@router.post(
    "/{experiment_id}/evaluations",
    operation_id="record_evaluation",
    summary="Record an evaluation",
    response_model=schemas.RecordedEvaluation,
)
def record_evaluation(
    served: Served,
    caller: Asked,
    experiment_id: ExperimentId,
    body: Annotated[schemas.EvaluationBody, json_body(schemas.EvaluationBody)],
) -> Response:
    """Record what an evaluator says of a successful run; the same name again replaces it."""
    evaluation = Evaluation(
        source_id=body.source_id,
        name=body.name,
        repetition=body.repetition,
        annotator_kind=body.annotator_kind,
        label=body.label,
        score=body.score,
        explanation=body.explanation,
        error=body.error,
        metadata=written(body.metadata),
        started_at=body.started_at,
        finished_at=body.finished_at,
    )
    return answer(experiments.record_evaluation(served.target, served.settings, experiment_id, evaluation, caller.created_by))


@router.post(
    "/{experiment_id}/evaluations/batch",
    operation_id="record_evaluations",
    summary="Record many evaluations",
    response_model=schemas.EvaluationCounts,
)
def record_evaluations(
    served: Served,
    caller: Asked,
    experiment_id: ExperimentId,
    body: Annotated[
        SpooledBody, streamed_body(schemas.EvaluationsBody, line=schemas.EvaluationBody, head=schemas.EvaluationsHead)
    ],
) -> Response:
    """Record many evaluations, all or none. As NDJSON the first line is {}, and each line behind it an evaluation."""
    _, evaluations = read_entries(body, schemas.EvaluationsHead, "evaluations", checked_evaluation)
    counts = experiments.record_evaluations(served.target, served.settings, experiment_id, evaluations, caller.created_by)
    return answer(counts)


@router.get(
    "/{experiment_id}/evaluations/missing",
    operation_id="list_missing_evaluations",
    summary="List what is still to be evaluated",
    response_model=Page[schemas.MissingEvaluations],
)
def missing_evaluations(
    served: Served,
    experiment_id: ExperimentId,
    name: EvaluationNames,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> Response:
    """The successful runs that lack a successful evaluation of one of the names."""
    read = partial(experiments.incomplete_evaluations, served.target, served.settings, experiment_id, name)
    return answer(paging.sized_page(read, limit, paging.key_of(cursor, paging.whole), "run_id"))


@router.get(
    "/{experiment_id}/compare/{other_id}",
    operation_id="compare_experiments",
    summary="Compare two experiments",
    response_model=schemas.Comparison,
)
def compare(
    served: Served,
    experiment_id: ExperimentId,
    other_id: Annotated[UUID, Path(description="The experiment to compare it with.")],
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> Response:
    """Two experiments on versions of one dataset: what evaluators say of each, and the runs of both, by source id."""
    pair = (experiment_id, other_id)
    base, other = (experiments.show_experiment(served.target, served.settings, each) for each in pair)
    evaluations = experiments.compare_evaluations(served.target, served.settings, *pair)
    read = partial(experiments.compare_page, served.target, served.settings, *pair)
    page = paging.sized_page(read, limit, paging.key_of(cursor, paging.text), "source_id")
    return answer({"base": base, "other": other, "evaluations": evaluations, **page})
