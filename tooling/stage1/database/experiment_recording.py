"""Brings runs and evaluations of experiments into their staging tables by COPY, in bounded memory.

Owns the COPY statements and the order of their fields. What is recorded, replaced or refused is decided by the functions
of sql/functions/experiments/. Imports psycopg through connections, and model.
"""

from collections.abc import Iterable
from datetime import datetime

from stage1.database import calls
from stage1.database.connections import Connection
from stage1.database.copy_text import NULL, escaped, write_rows
from stage1.model.experiments import Evaluation, Run

_STAGE_RUNS = "copy pg_temp.staged_runs (source_id, repetition, output, error, started_at, finished_at) from stdin"
_STAGE_EVALUATIONS = (
    "copy pg_temp.staged_evaluations (source_id, repetition, name, annotator_kind, label, score, explanation, error, metadata,"
    " started_at, finished_at) from stdin"
)


def stage_runs(connection: Connection, runs: Iterable[Run]) -> None:
    """Fills the staging table of the runs of this transaction."""
    calls.rows(connection, "stage1_internal.stage_experiment_runs")
    write_rows(connection, _STAGE_RUNS, map(_run, runs))


def stage_evaluations(connection: Connection, evaluations: Iterable[Evaluation]) -> None:
    """Fills the staging table of the evaluations of this transaction."""
    calls.rows(connection, "stage1_internal.stage_experiment_evaluations")
    write_rows(connection, _STAGE_EVALUATIONS, map(_evaluation, evaluations))


def _run(run: Run) -> str:
    return (
        f"{escaped(run.source_id)}\t{run.repetition}\t{escaped(run.output)}\t{escaped(run.error)}"
        f"\t{_time(run.started_at)}\t{_time(run.finished_at)}\n"
    )


def _evaluation(evaluation: Evaluation) -> str:
    score = NULL if evaluation.score is None else repr(float(evaluation.score))
    return (
        f"{escaped(evaluation.source_id)}\t{evaluation.repetition}\t{escaped(evaluation.name)}\t{evaluation.annotator_kind}"
        f"\t{escaped(evaluation.label)}\t{score}\t{escaped(evaluation.explanation)}\t{escaped(evaluation.error)}"
        f"\t{escaped(evaluation.metadata)}\t{_time(evaluation.started_at)}\t{_time(evaluation.finished_at)}\n"
    )


def _time(moment: datetime | None) -> str:
    return NULL if moment is None else moment.isoformat()
