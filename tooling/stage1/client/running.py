"""Experiments as they run: begun, gone on with, evaluated.

Owns the thread in which the event loop runs (so that a notebook, which has a loop of its own, may call), the end by Ctrl-C, and
where the work comes from: always from what the server says is missing, so that going on is the same as beginning.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stage1.client.callables import Bound, Evaluators, bound_evaluators, bound_task
from stage1.client.datasets import example_in
from stage1.client.engine import Engine, Limits, Work
from stage1.client.experiments import Experiment
from stage1.client.requests import Requests
from stage1.client.sending import Counts, Outcome, Sender
from stage1.client.workers import Workers
from stage1.errors import ArgumentInvalid, Stage1Error

Progress = Callable[[str, int, int | None], None]

_PAGE = 200
_LOOK = 0.5  # seconds after which a Ctrl-C is seen, wherever the signal arrived


class Interrupted(KeyboardInterrupt):
    """Ctrl-C: what was done is recorded, and `resume_experiment(experiment_id, ...)` goes on."""

    def __init__(self, message: str, experiment_id: str) -> None:
        super().__init__(message)
        self.experiment_id = experiment_id


@dataclass(frozen=True)
class Plan:
    """What is to be done for an experiment."""

    requests: Requests
    task: Bound | None
    evaluators: list[Bound]
    limits: Limits
    progress: Progress | None = None
    on_conflict: str = "refuse"


def planned(
    requests: Requests,
    task: Callable[..., Any] | None,
    evaluators: Evaluators,
    *,
    concurrency: int,
    retries: int,
    timeout: float | None,
    progress: Progress | None,
    on_conflict: str,
) -> Plan:
    """What is to be done, checked before anything is."""
    if not isinstance(concurrency, int) or concurrency < 1:
        raise ArgumentInvalid(f"concurrency was {concurrency!r}; a whole number from 1 on was expected.")
    if not isinstance(retries, int) or retries < 0:
        raise ArgumentInvalid(f"retries was {retries!r}; a whole number from 0 on was expected.")
    if timeout is not None and (not isinstance(timeout, int | float) or not timeout > 0):
        raise ArgumentInvalid(f"timeout was {timeout!r}; a number of seconds was expected, or None.")
    bound = None if task is None else bound_task(task)
    limits = Limits(concurrency, retries, timeout)
    # What tasks made may have cost much: it is not given up because the server is away for a moment.
    return Plan(requests.patient(), bound, bound_evaluators(evaluators), limits, progress, on_conflict)


def carried_out(plan: Plan, experiment: Experiment) -> Experiment:
    """Makes the runs that are missing or failed, then the evaluations that are."""
    is_new = plan.on_conflict == "refuse"
    counts = Counts()
    with _named(experiment):
        if plan.task is not None:
            expected = experiment.missing_run_count + experiment.failed_run_count
            seen = experiment.tally.add_outcome if is_new else _unseen
            counts = _worked(plan, experiment, _missing_runs(plan, experiment), expected, seen, "runs")
        if plan.evaluators and (not is_new or counts.kept):
            _worked(plan, experiment, _missing_evaluations(plan, experiment), None, _unseen, "evaluations")
        return experiment.refreshed(keep_tally=is_new and not counts.kept and plan.task is not None)


@contextlib.contextmanager
def _named(experiment: Experiment) -> Iterator[None]:
    """Whatever ends the work says of which experiment it was, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as pressed:
        raise Interrupted(
            f"Interrupted. What was done is kept in experiment {experiment.experiment_id}; "
            f"resume_experiment('{experiment.experiment_id}', ...) goes on.{_unsent(pressed)}",
            experiment.experiment_id,
        ) from None
    except Stage1Error as problem:
        problem.hint = " ".join(
            part for part in (problem.hint, f"Then resume_experiment('{experiment.experiment_id}', ...) goes on.") if part
        )
        raise


def _worked(
    plan: Plan,
    experiment: Experiment,
    works: Iterator[Work],
    total: int | None,
    seen: Callable[[Outcome], None],
    what: str,
) -> Counts:
    def noted(done: int) -> None:
        if plan.progress:
            plan.progress(what, done, total)

    def sender(workers: Workers) -> Sender:
        return Sender(plan.requests, workers, experiment.experiment_id, plan.on_conflict, plan.limits.concurrency)

    engine = Engine(plan.task, plan.limits, seen, noted)
    return _in_a_thread(engine, lambda: engine.run(works, sender))


def _in_a_thread(engine: Engine, work: Callable[[], Any]) -> Counts:
    result: list[Counts] = []
    failure: list[BaseException] = []
    loop = asyncio.new_event_loop()
    is_over = threading.Event()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                result.append(runner.run(work()))
        except BaseException as problem:  # noqa: BLE001 - raised again where it was called
            failure.append(problem)
        finally:
            is_over.set()

    thread = threading.Thread(target=run, name="stage1-experiment", daemon=True)
    try:
        thread.start()
        _wait(is_over)
    except KeyboardInterrupt:
        with contextlib.suppress(RuntimeError):  # it ended in this moment
            loop.call_soon_threadsafe(engine.stop)
        if thread.is_alive():
            _wait(is_over)  # the second Ctrl-C gives up what is not sent yet
        raise KeyboardInterrupt(*failure) from None
    if failure:
        raise failure[0]
    return result[0]


def _wait(is_over: threading.Event) -> None:
    while not is_over.wait(_LOOK):
        pass


def _unsent(pressed: KeyboardInterrupt) -> str:
    return f" The last results could not be sent: {pressed.args[0]}" if pressed.args else ""


def _missing_runs(plan: Plan, experiment: Experiment) -> Iterator[Work]:
    evaluators = tuple(plan.evaluators)
    for row in plan.requests.pages(f"/v1/experiments/{experiment.experiment_id}/runs/missing", {"limit": _PAGE}):
        example = example_in(row)
        for repetition in row["repetitions"]:
            yield Work(example, repetition, evaluators)


def _missing_evaluations(plan: Plan, experiment: Experiment) -> Iterator[Work]:
    by_name = {evaluator.name: evaluator for evaluator in plan.evaluators}
    query: Mapping[str, object] = {"name": list(by_name), "limit": _PAGE}
    for row in plan.requests.pages(f"/v1/experiments/{experiment.experiment_id}/evaluations/missing", query):
        wanted = tuple(by_name[name] for name in row["names"])
        yield Work(example_in({"content_hash": "", **row}), row["repetition"], wanted, has_output=True, output=row["run_output"])


def _unseen(_: Outcome) -> None:
    """Of what is gone on with, the server has the rest: it is counted there."""
