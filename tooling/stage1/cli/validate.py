"""`stage1 validate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stage1.cli import rendering
from stage1.cli.datasets import WholeNumber
from stage1.cli.options import Application, Command, pass_application
from stage1.cli.rendering import Section
from stage1.errors import ExitCode, UsageRefused

if TYPE_CHECKING:
    from stage1.database.checks import Answer
    from stage1.operations.validate import ValidationReport

_SHOWN = WholeNumber(0, 2**31 - 1)
_PAGE = WholeNumber(1, 2**31 - 1)


@click.command(cls=Command)
@click.option("--only", metavar="NAME", multiple=True, help="Ask this check alone; may be given several times.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="The least severity for which the answer is no.",
)
@click.option(
    "--deep", is_flag=True, help="Count the bars of every symbol, not of those alone that changed since they were right."
)
@click.option(
    "--limit", type=_SHOWN, default=20, show_default=True, metavar="N", help="Findings shown of each check and severity."
)
@click.option("--prometheus", metavar="FILE", help="Write the answer as Prometheus reads it; - is stdout, in place of the table.")
@click.option("--history", type=_PAGE, metavar="N", help="Ask nothing; show the last N validations.")
@pass_application
def validate(
    application: Application,
    only: tuple[str, ...],
    fail_on: str,
    deep: bool,
    limit: int,
    prometheus: str | None,
    history: int | None,
) -> None:
    """Ask the checks whether what the database holds is consistent.

    All see one state of the database. Exits with 1 when something is found, or a check did not answer in
    STAGE1_STATEMENT_TIMEOUT.

    \b
    Examples:
        stage1 validate
        stage1 validate --only bars_without_ingest --deep
        stage1 validate --fail-on warning --prometheus /var/lib/node_exporter/stage1.prom
        stage1 validate --history 10
    """
    from stage1.operations import prometheus as exporter
    from stage1.operations import validate as operation

    if only and prometheus is not None:
        raise UsageRefused(
            "--only asks a part of the checks, and what --prometheus writes says whether all is well.",
            hint="Leave one of them out.",
        )
    target, settings = application.target(), application.settings
    if history is not None:
        application.show(operation.list_validations(target, settings, history))
        return
    report = operation.validate(target, settings, application.say, only=only, fail_on=fail_on, deep=deep, limit=limit)
    if not report.is_healthy:
        application.exit_code = ExitCode.ANSWER_IS_NO
    if prometheus == "-":
        rendering.write(exporter.exposition(report))
        return
    if prometheus is not None:
        exporter.write(Path(prometheus), exporter.exposition(report))
    findings = [{"check": answer.check, **finding} for answer in report.answers for finding in answer.findings]
    sections = [Section("checks", [_line(answer) for answer in report.answers]), Section("findings", findings)]
    application.show_report(_document(report, findings), sections)
    _say_sum(application, report)


def _line(answer: "Answer") -> dict[str, Any]:
    return {
        "check": answer.check,
        "severity": answer.severity,
        "findings": None if answer.problem is not None else answer.errors + answer.warnings,
        "seconds": answer.milliseconds / 1000,
        "example": answer.problem or next((finding["subject"] for finding in answer.findings), None),
    }


def _document(report: "ValidationReport", findings: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "database": report.database,
        "healthy": report.is_healthy,
        "fail_on": report.fail_on,
        "deep": report.is_deep,
        "complete": report.is_complete,
        "started_at": report.started_at,
        "finished_at": report.finished_at,
        "run_id": report.run_id,
        "checks": [
            {
                "check": answer.check,
                "severity": answer.severity,
                "findings": None if answer.problem is not None else answer.errors + answer.warnings,
                "errors": answer.errors,
                "warnings": answer.warnings,
                "milliseconds": answer.milliseconds,
                "problem": answer.problem,
                "examples": [finding["subject"] for finding in answer.findings[:3]],
            }
            for answer in report.answers
        ],
        "findings": findings,
    }


def _say_sum(application: Application, report: "ValidationReport") -> None:
    unanswered = [answer for answer in report.answers if answer.problem is not None]
    for answer in unanswered:
        application.say(f"{answer.check} did not answer: {answer.problem}")
    counts = (
        f"{len(report.answers)} checks",
        f"{sum(answer.errors for answer in report.answers):,} errors",
        f"{sum(answer.warnings for answer in report.answers):,} warnings",
        f"{len(unanswered)} not answered" if unanswered else "",
    )
    verdict = "healthy" if report.is_healthy else "not healthy"
    application.say(f"{verdict}: {', '.join(filter(None, counts))}")
