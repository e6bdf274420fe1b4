"""Two experiments beside each other: per evaluation the means and the paired difference, with how sure it is.

Owns the interval. Paired are the examples whose content is the same in both versions, each by the mean of its repetitions;
the server counts and sums. Imports pandas only where a frame is asked for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Any

from stage1.client.experiments import table
from stage1.client.requests import Requests
from stage1.client.transport import segment

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 500

# Student's t at 97.5 %, by degrees of freedom from 1; beyond, the expansion below is exact to five digits.
_T = (
    *(12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139),
    *(2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963),
)
_Z = 1.959963984540054


@dataclass(frozen=True)
class EvaluationComparison:
    """What one evaluation came to in both experiments."""

    name: str
    base_count: int
    base_mean: float | None
    other_count: int
    other_mean: float | None
    paired_count: int
    delta: float | None  # other - base, mean over the paired examples
    standard_error: float | None
    interval: tuple[float, float] | None  # of the delta, 95 %
    better: int
    worse: int
    equal: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


@dataclass(eq=False)
class Comparison:
    """Two experiments of one dataset. Iterating reads the examples; `print` shows the summary."""

    base: Mapping[str, Any]
    other: Mapping[str, Any]
    evaluations: list[EvaluationComparison]
    _requests: Requests = field(repr=False)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The examples, each with the runs of both; content_differs marks those whose content changed in between."""
        return self._requests.pages(_path(self.base["experiment_id"], self.other["experiment_id"]), {"limit": _PAGE})

    def to_frame(self) -> "pd.DataFrame":
        """The examples as a DataFrame: of each evaluation the mean score in both, and their difference."""
        from stage1.client.frames import comparison_frame

        return comparison_frame(self)

    def __str__(self) -> str:
        head = [f"{role} {_named(each)}" for role, each in (("base ", self.base), ("other", self.other))]
        if not self.evaluations:
            return "\n".join([*head, "  no evaluations"])
        rows = [("evaluation", "base", "other", "paired", "delta", "std. error", "better", "worse", "95 % interval")]
        for each in self.evaluations:
            interval = "" if each.interval is None else f"{each.interval[0]:+.4g} to {each.interval[1]:+.4g}"
            means = (_number(each.base_mean), _number(each.other_mean), f"{each.paired_count:,}")
            deltas = ("" if each.delta is None else f"{each.delta:+.4g}", _number(each.standard_error))
            rows.append((each.name, *means, *deltas, f"{each.better:,}", f"{each.worse:,}", interval))
        return "\n".join([*head, *table(rows)])


def comparison(requests: Requests, base: str, other: str) -> Comparison:
    """The comparison of two experiments, by their ids."""
    first = requests.read(_path(base, other), "evaluations", {"limit": 1})
    return Comparison(first["base"], first["other"], [compared(row) for row in first["evaluations"]], requests)


def compared(row: Mapping[str, Any]) -> EvaluationComparison:
    """An evaluation's figures, with the standard error and the interval of their difference."""
    count, delta, deviation = row["paired_count"], row["paired_delta_mean"], row["paired_delta_sd"]
    error = interval = None
    if count > 1 and delta is not None and deviation is not None:
        error = deviation / sqrt(count)
        reach = t_of(count - 1) * error
        interval = (delta - reach, delta + reach)
    return EvaluationComparison(
        row["name"],
        row["base_count"],
        row["base_mean"],
        row["other_count"],
        row["other_mean"],
        count,
        delta,
        error,
        interval,
        row["better"],
        row["worse"],
        row["equal"],
    )


def t_of(freedom: int) -> float:
    """Student's t at 97.5 %: few pairs are less sure than the normal distribution says."""
    if freedom <= len(_T):
        return _T[freedom - 1]
    z, n = _Z, freedom
    # Cornish and Fisher's expansion.
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def _path(base: str, other: str) -> str:
    return f"/v1/experiments/{segment(base)}/compare/{segment(other)}"


def _named(experiment: Mapping[str, Any]) -> str:
    name = f"{experiment['name']} " if experiment["name"] else ""
    return f"{name}{experiment['experiment_id']}, {experiment['dataset_slug']} version {experiment['version_sequence']}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
