"""Puts a validation into the text format of Prometheus, and into a file that its node exporter collects.

Owns the names of the samples. A check that did not answer has no count, so that nobody takes it for healthy. The file takes
its name when it is whole, since the collector reads it at any moment, as another user.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from stage1.durable import flush_folder
from stage1.errors import FileUnusable
from stage1.operations.validate import ERROR, WARNING, ValidationReport

_READABLE = 0o644


def exposition(report: ValidationReport) -> str:
    """The samples of one validation."""
    answered = [answer for answer in report.answers if answer.problem is None]
    return "".join(
        [
            *_metric(
                "stage1_validation_findings",
                "Findings of each check, by severity.",
                [
                    ({"check": answer.check, "severity": severity}, count)
                    for answer in answered
                    for severity, count in ((ERROR, answer.errors), (WARNING, answer.warnings))
                ],
            ),
            *_metric(
                "stage1_validation_answered",
                "Whether each check answered.",
                [({"check": answer.check}, int(answer.problem is None)) for answer in report.answers],
            ),
            *_metric(
                "stage1_validation_duration_seconds",
                "How long each check took.",
                [({"check": answer.check}, answer.milliseconds / 1000) for answer in report.answers],
            ),
            *_metric(
                "stage1_validation_timestamp_seconds",
                "When the checks were asked.",
                [({}, round(report.started_at.timestamp(), 3))],
            ),
            *_metric(
                "stage1_validation_success",
                "Whether every check answered and none found what --fail-on names.",
                [({}, int(report.is_healthy))],
            ),
        ]
    )


def write(path: Path, text: str) -> None:
    """Writes the file whole or not at all."""
    part: str | None = None
    try:
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), _READABLE)
            os.fsync(file.fileno())
        Path(part).replace(path)
        part = None
        flush_folder(path.parent)
    except OSError as problem:
        raise FileUnusable(
            f"{path} cannot be written: {problem.strerror}.", hint="Name a file in a folder that this user may write to."
        ) from problem
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                Path(part).unlink()


def _metric(name: str, description: str, samples: Iterable[tuple[dict[str, str], float]]) -> Iterable[str]:
    yield f"# HELP {name} {description}\n# TYPE {name} gauge\n"
    for labels, number in samples:
        written = ",".join(f'{label}="{_escaped(given)}"' for label, given in labels.items())
        yield f"{name}{{{written}}} {number}\n" if written else f"{name} {number}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
