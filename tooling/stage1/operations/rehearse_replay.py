"""Says what a replay would do with every statement that waits: claims no file and writes nothing."""

from pathlib import Path

from stage1.database.replaying import Spool, find_spool, looking, rules
from stage1.database.targets import Target
from stage1.errors import SpoolEdited, SpoolRefused
from stage1.model.replay_rules import Rules
from stage1.operations import spool_files
from stage1.operations.replay import FileReport, ReplayReport
from stage1.operations.replay_reading import Reading
from stage1.operations.spool_files import SpoolFile
from stage1.settings import Settings

_SHOWN = 2000  # letters of a refused statement


def rehearse(target: Target, settings: Settings, places: list[Path]) -> ReplayReport:
    """Judges what a run would replay; `dead` counts what it would refuse."""
    report = ReplayReport()
    with looking(target, settings) as connection:
        allowed = rules(connection)
        for file in spool_files.peek(places, settings):
            spool = find_spool(connection, file.identity)
            if file.is_kept and spool is None:
                continue  # another database was told of it
            report.files.append(found := FileReport(file.path, file.identity, state="rehearsed"))
            try:
                _judge(file, spool, allowed, settings, found, report.refused)
            except (SpoolEdited, SpoolRefused) as problem:
                found.state, found.note = "left", str(problem)
            report.counts.add(found.counts)
    return report


def _judge(
    file: SpoolFile, spool: Spool | None, allowed: Rules, settings: Settings, found: FileReport, refused: list[dict[str, object]]
) -> None:
    with spool_files.opened(file) as opened:
        reading = Reading(file, opened, allowed, settings)
        for whole in reading:
            unit = spool.left_of(whole) if spool else whole
            found.counts.known += len(whole.entries) - (len(unit.entries) if unit else 0)
            if unit is None:
                continue
            if not unit.is_refused:
                found.counts.applied += len(unit.entries)
                continue
            found.counts.dead += len(unit.entries)
            for each in unit.entries:
                shown = {"position": each.position, "reason": each.refusal, "statement": each.readable[:_SHOWN]}
                refused.append({"file": str(file.path), **shown})
    found.note = reading.pending
