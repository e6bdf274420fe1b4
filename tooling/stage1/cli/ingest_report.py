"""What `stage1 ingest` answers: for programs one document, for people the report that its users know."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stage1.operations.ingest import Outcome
    from stage1.operations.prove_file import ProvenFile

_RULE = "=" * 80
_COUNTS = ("row_count", "inserted_count", "updated_count", "changed_count", "rejected_count")


def document(outcomes: Sequence["Outcome"]) -> dict[str, Any]:
    """The whole answer: each file, and what they come to."""
    files = [_file(outcome) for outcome in outcomes]
    totals: dict[str, Any] = {"files": len(files)}
    for status in dict.fromkeys(outcome.status for outcome in outcomes):
        totals[status.replace(" ", "_")] = sum(outcome.status == status for outcome in outcomes)
    return {"files": files, "totals": totals | {name: sum(file.get(name) or 0 for file in files) for name in _COUNTS}}


def summary_rows(outcomes: Sequence["Outcome"]) -> list[dict[str, Any]]:
    """A line a file, for a terminal."""
    names = ("file", "status", "ingest_id", "row_count", "inserted_count", "updated_count", "changed_count", "rejected_count")
    return [{name.removesuffix("_count"): file.get(name) for name in names} for file in map(_file, outcomes)]


def text(outcome: "Outcome") -> str:
    """The report on one file, with the source's words."""
    if outcome.run is None:
        return _dry_run_text(outcome)
    run = outcome.run
    lines = [
        _RULE,
        "INGESTION COMPLETE" if outcome.status == "loaded" else "ALREADY LOADED - this very file, and nothing has changed since",
        _RULE,
        f"Run ID: {run['id']}",
        f"Total bars: {run['row_count']:,}",
        f"Inserted: {run['inserted_count']:,}",
        f"Updated: {run['updated_count']:,}",
        f"Changed: {run['changed_count']:,}",
    ]
    if run["rejected_count"]:
        kept = "in data_ingest_rejects" if outcome.status == "loaded" else f"under ingest {run['repeats_ingest_id']}"
        lines.append(f"Rejected: {run['rejected_count']:,} (kept {kept})")
    lines.append(f"Time range: {_moment(run['min_ts'])} to {_moment(run['max_ts'])}")
    return "\n".join([*lines, *_about(outcome.proven), _RULE])


def details(proven: "ProvenFile") -> list[str]:
    """What -v says of a file: each symbol, each reason for which rows were rejected."""
    return [
        f"sha256 {proven.sha256}, {proven.records:,} records",
        *(f"{span.symbol}: {span.count:,} bars from {_moment(span.first)} to {_moment(span.last)}" for span in proven.spans),
        *(f"rejected: {count:,} {reason.value}" for reason, count in proven.rejected.items()),
        f"gaps: {proven.gaps}",
    ]


def _dry_run_text(outcome: "Outcome") -> str:
    proven = outcome.proven
    if proven is None:
        return ""
    lines = [
        _RULE,
        "DRY RUN COMPLETE - No database changes made",
        _RULE,
        f"Would process: {proven.row_count + proven.rejected_count:,} bars",
        f"Time range: {_moment(proven.first)} to {_moment(proven.last)}",
    ]
    if proven.rejected_count:
        lines.insert(4, f"Would reject: {proven.rejected_count:,} of them")
    return "\n".join([*lines, *_about(proven), _RULE])


def _about(proven: "ProvenFile | None") -> list[str]:
    if proven is None:
        return []
    names = [span.symbol for span in proven.spans]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    warnings = [f"Warning: {warning}" for warning in proven.warnings]
    return [f"Symbols: {shown} ({proven.dataset})", f"Gaps: {proven.gaps}", *warnings]


def _file(outcome: "Outcome") -> dict[str, Any]:
    found: dict[str, Any] = {"file": str(outcome.path), "status": outcome.status, "ingest_id": None}
    if outcome.run is not None:
        run = outcome.run
        found |= {"ingest_id": run["id"], **{name: run[name] for name in ("vendor", "dataset", "file_sha256", *_COUNTS)}}
        found |= {"min_ts": run["min_ts"], "max_ts": run["max_ts"], "warnings": run["warnings"], "details": run["details"]}
    elif outcome.proven is not None:
        proven = outcome.proven
        found |= {"vendor": proven.vendor, "dataset": proven.dataset, "file_sha256": proven.sha256}
        found |= {"row_count": proven.row_count + proven.rejected_count, "rejected_count": proven.rejected_count}
        found |= {"min_ts": proven.first, "max_ts": proven.last, "warnings": list(proven.warnings), "details": proven.details()}
    if outcome.problem is not None:
        problem = outcome.problem
        found["error"] = {"code": problem.sqlstate, "message": problem.message, "detail": problem.detail, "hint": problem.hint}
    return found


def _moment(moment: datetime | str) -> str:
    return moment.isoformat(sep=" ") if isinstance(moment, datetime) else str(moment)
