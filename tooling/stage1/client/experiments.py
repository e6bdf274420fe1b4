"""An experiment and its results, as Python sees them.

Owns `Experiment` and the table that it prints: how many runs succeeded, which errors there were, what each evaluation came to.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stage1.client.requests import Requests
from stage1.client.transport import segment

if TYPE_CHECKING:
    import pandas as pd

    from stage1.client.sending import Outcome

_PAGE = 250  # outputs may be large
_KIND = 60
_SHOWN = 5


@dataclass
class EvaluationTally:
    """What the results of one evaluation come to."""

    scores: int = 0
    score_sum: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)
    errors: int = 0

    @property
    def mean(self) -> float | None:
        """The mean score; None without scores."""
        return self.score_sum / self.scores if self.scores else None

    def add(self, evaluation: Mapping[str, Any]) -> None:
        if evaluation.get("error") is not None:
            self.errors += 1
            return
        if evaluation.get("score") is not None:
            self.scores += 1
            self.score_sum += evaluation["score"]
        if evaluation.get("label") is not None:
            self.labels[evaluation["label"]] += 1


@dataclass
class Tally:
    """What the runs of an experiment come to."""

    succeeded: int = 0
    failed: int = 0
    error_kinds: Counter[str] = field(default_factory=Counter)
    evaluations: dict[str, EvaluationTally] = field(default_factory=dict)
    busy: timedelta = timedelta()  # all runs together
    began: datetime | None = None
    ended: datetime | None = None

    def add(self, run: Mapping[str, Any], evaluations: Sequence[Mapping[str, Any]]) -> None:
        """Counts a run and its evaluations."""
        if run.get("error") is None:
            self.succeeded += 1
        else:
            self.failed += 1
            self.error_kinds[str(run["error"]).split(":")[0][:_KIND]] += 1
        if run.get("started_at") and run.get("finished_at"):
            began, ended = datetime.fromisoformat(run["started_at"]), datetime.fromisoformat(run["finished_at"])
            self.busy += ended - began
            self.began = min(self.began or began, began)
            self.ended = max(self.ended or ended, ended)
        for evaluation in evaluations:
            self.evaluations.setdefault(evaluation["name"], EvaluationTally()).add(evaluation)

    def add_outcome(self, outcome: "Outcome") -> None:
        """Counts what has just been done."""
        if outcome.run is not None:
            self.add(outcome.run, outcome.evaluations)


@dataclass(eq=False)
class Experiment:
    """An experiment on one version of a dataset. `print(experiment)` shows what its runs came to."""

    _requests: Requests = field(repr=False)
    experiment_id: str
    info: Mapping[str, Any] = field(repr=False)
    _tally: Tally | None = field(default=None, repr=False)

    @property
    def name(self) -> str | None:
        return self.info["name"]  # type: ignore[no-any-return]

    @property
    def dataset_id(self) -> str:
        return str(self.info["dataset_id"])

    @property
    def version_id(self) -> str:
        """The version of the dataset that it ran on."""
        return str(self.info["version_id"])

    @property
    def expected_run_count(self) -> int:
        return int(self.info["expected_run_count"])

    @property
    def successful_run_count(self) -> int:
        return int(self.info["successful_run_count"])

    @property
    def failed_run_count(self) -> int:
        return int(self.info["failed_run_count"])

    @property
    def missing_run_count(self) -> int:
        return int(self.info["missing_run_count"])

    @property
    def tally(self) -> Tally:
        """What the runs came to; read from the server where they were not made here."""
        if self._tally is None:
            self._tally = Tally()
            if self.expected_run_count > self.missing_run_count:
                for run in self.runs():
                    self._tally.add(run, run["evaluations"])
        return self._tally

    def runs(self) -> Iterator[dict[str, Any]]:
        """The runs that are recorded, each with its evaluations."""
        return self._requests.pages(f"/v1/experiments/{self.experiment_id}/runs", {"limit": _PAGE})

    def to_frame(self) -> "pd.DataFrame":
        """The runs as a DataFrame; of each evaluation the columns NAME.score, NAME.label, NAME.explanation and NAME.error."""
        from stage1.client.frames import runs_frame

        return runs_frame(self.runs())

    def begun(self) -> "Experiment":
        """The same, known to have no runs yet: what is counted from here on is all."""
        self._tally = Tally()
        return self

    def refreshed(self, *, keep_tally: bool = False) -> "Experiment":
        """The experiment as it is now."""
        found = experiment_at(self._requests, self.experiment_id)
        if keep_tally:
            found._tally = self._tally
        return found

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def experiment_at(requests: Requests, experiment_id: str) -> Experiment:
    """An experiment, by its id."""
    return of_info(requests, requests.read(f"/v1/experiments/{segment(experiment_id)}", "experiment_id"))


def of_info(requests: Requests, info: Mapping[str, Any]) -> Experiment:
    return Experiment(requests, str(info["experiment_id"]), info)


def _lines(experiment: Experiment) -> Iterator[str]:
    info, tally = experiment.info, experiment.tally
    named = f" {experiment.name}" if experiment.name else ""
    yield f"experiment{named} {experiment.experiment_id}"
    yield f"  on       {info['dataset_slug']}, version {info['version_sequence']}"
    counts = f"{experiment.successful_run_count:,} of {experiment.expected_run_count:,} succeeded"
    yield f"  runs     {counts}, {experiment.failed_run_count:,} failed, {experiment.missing_run_count:,} missing"
    for kind, count in _most(tally.error_kinds):
        yield f"  errors   {count:,} x {kind}"
    if tally.began and tally.ended:
        runs = tally.succeeded + tally.failed
        took = (tally.ended - tally.began).total_seconds()
        yield f"  time     {took:.1f} s in all, {tally.busy.total_seconds() / runs:.3f} s a run"
    if not tally.evaluations:
        return
    rows = [("evaluation", "scores", "mean", "errors", "labels")]
    for name, each in sorted(tally.evaluations.items()):
        mean = "" if each.mean is None else f"{each.mean:.4g}"
        labels = ", ".join(f"{label} {count:,}" for label, count in _most(each.labels))
        rows.append((name, f"{each.scores:,}", mean, f"{each.errors:,}", labels))
    yield from table(rows)


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    # Of the same number in the order of their names, whatever came first.
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:_SHOWN]


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows as aligned lines; the first column is text, the rest numbers but for the last."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        middle = [text.rjust(width) for text, width in zip(row[1:-1], widths[1:-1], strict=True)]
        yield "  " + "  ".join([row[0].ljust(widths[0]), *middle, row[-1]]).rstrip()
