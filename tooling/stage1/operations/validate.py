"""Runs the checks of sql/validation/ and says whether the database is healthy; records the answer.

Owns what counts as healthy: nothing found of the asked severity, and every check answered, those of this package that the
database does not have among them. The checks see one state of the database; the record is written after them, and what was found
right of the bars is what that state held. Where the record cannot be written the answer stands. Refuses names of checks that
there are not.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stage1 import clock, resources
from stage1.database import calls, checks
from stage1.database.checks import BAR_CHECKS, Answer
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.errors import Stage1Error, UsageRefused
from stage1.model.json_text import JsonText
from stage1.settings import Settings

ERROR = "error"
WARNING = "warning"
_KEPT = 1000  # findings of each severity and check that the history keeps


@dataclass
class ValidationReport:
    """What the checks answered."""

    database: str
    started_at: datetime
    finished_at: datetime
    is_deep: bool
    is_complete: bool
    fail_on: str
    answers: list[Answer] = field(default_factory=list)
    run_id: int | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether every check answered and none found what counts."""
        return not any(
            answer.problem is not None or answer.errors or (self.fail_on == WARNING and answer.warnings)
            for answer in self.answers
        )


def validate(
    target: Target,
    settings: Settings,
    say: Callable[[str], None],
    *,
    only: Sequence[str] = (),
    fail_on: str = ERROR,
    deep: bool = False,
    limit: int = 20,
) -> ValidationReport:
    """Runs all checks, or those that are named, and keeps `limit` findings of each severity of each in the report."""
    started_at = clock.now()
    with checks.snapshot(target, settings, "all" if deep else "changed") as snapshot:
        deployed = set(snapshot.names())
        names = sorted(deployed | _packaged())
        chosen = [name for name in names if not only or name in only]
        unknown = sorted(set(only) - set(names))
        if unknown:
            raise UsageRefused(f"There is no check {unknown[0]}.", hint=f"The checks are: {', '.join(names)}.")
        # Some checks look at locks and processes, which are of the moment: the snapshot must not be minutes old by then.
        in_turn = sorted(chosen, key=lambda name: name in BAR_CHECKS)
        found = {name: _ask(snapshot, name, limit) if name in deployed else _missing(name) for name in in_turn}
        answers = [found[name] for name in chosen]
        of_bars = [answer for answer in answers if answer.check in BAR_CHECKS and answer.problem is None]
        recounted = _recounted(snapshot, say) if len(of_bars) == len(BAR_CHECKS) else None
    wrong = sorted({str(finding["subject"]) for answer in of_bars for finding in answer.findings})
    report = ValidationReport(
        target.describe(), started_at, clock.now(), deep, is_complete=len(chosen) == len(names), fail_on=fail_on, answers=answers
    )
    report.run_id = _record(target, settings, report, recounted, wrong, say)
    for answer in answers:
        answer.findings[:] = _first(answer.findings, limit)
    return report


def list_validations(target: Target, settings: Settings, limit: int) -> list[dict[str, Any]]:
    """The newest runs."""
    with connected(target, settings, Purpose.READ) as connection:
        return calls.rows(connection, "public.fn_list_validations", p_limit=limit)


def latest_validation(
    target: Target, settings: Settings, limit: int, check: str | None, place: int | None
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The newest run that asked every check, with what each answered, and the page of findings that follows one.

    A check that has been asked alone since then has its findings of that time; each finding says of which run it is.
    """
    with connected(target, settings, Purpose.READ) as connection:
        runs = calls.rows(connection, "public.fn_show_validation")
        findings = calls.rows(connection, "public.fn_list_findings", p_limit=limit, p_after_check_name=check, p_after_place=place)
    return (runs[0] if runs else None), findings


def _packaged() -> set[str]:
    """The checks of this package."""
    return {path.stem for path in (resources.sql_folder() / "validation").glob("*.sql")}


def _ask(snapshot: checks.Snapshot, name: str, limit: int) -> Answer:
    # Of the checks of bars every symbol counts that is wrong, not the first ones alone.
    return snapshot.ask(name, None if name in BAR_CHECKS else max(limit, _KEPT))


def _missing(name: str) -> Answer:
    return Answer(name, problem="it is not deployed; run `stage1 migrate`")


def _recounted(snapshot: checks.Snapshot, say: Callable[[str], None]) -> JsonText | None:
    try:
        return snapshot.recounted()
    except Stage1Error as problem:
        say(f"note: what was found right of the bars is not remembered: {problem.message}")
        return None


def _record(
    target: Target,
    settings: Settings,
    report: ValidationReport,
    recounted: JsonText | None,
    wrong: list[str],
    say: Callable[[str], None],
) -> int | None:
    run = {
        "started_at": report.started_at.isoformat(),
        "finished_at": report.finished_at.isoformat(),
        "complete": report.is_complete,
        "deep": report.is_deep,
        "results": [
            {
                "check": answer.check,
                "errors": answer.errors,
                "warnings": answer.warnings,
                "milliseconds": answer.milliseconds,
                "problem": answer.problem,
                "findings": _first(answer.findings, _KEPT),
            }
            for answer in report.answers
        ],
    }
    try:
        return checks.record(target, settings, json.dumps(run), recounted, wrong)
    except Stage1Error as problem:
        say(f"note: this validation is not in the history: {problem.message}")
        return None


def _first(findings: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """The first findings of each severity."""
    kept: list[dict[str, Any]] = []
    for severity in sorted({str(finding["severity"]) for finding in findings}):
        kept += [finding for finding in findings if finding["severity"] == severity][:limit]
    return kept
