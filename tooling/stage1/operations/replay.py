"""Replays what offline clients left in the spool: every statement once, or a dead letter with its reason.

Owns the order of a run: claim the files, apply each from where the ledger ends, try again what waits for a missing parent, put
the finished files away. Killed anywhere it is simply run again. Refuses to run beside another replay of the same database or the
same spool, and on a database that nobody named.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from stage1 import faults
from stage1.database.locks import replay_lock
from stage1.database.replaying import Counts, Replayer, Spool, replaying
from stage1.database.targets import Target
from stage1.errors import SpoolEdited, SpoolRefused, Stage1Error
from stage1.model.replay_rules import Rules
from stage1.model.replay_units import Unit
from stage1.operations import spool_files
from stage1.operations.read_ahead import read_ahead
from stage1.operations.replay_reading import Reading, judged_again
from stage1.operations.spool_files import SpoolFile
from stage1.operations.spool_places import spools
from stage1.settings import Settings

_BATCH = 500
_BATCH_BYTES = 4 * 1024 * 1024
# Each pass applies at least one statement; a chain of parents is rarely longer.
_PASSES = 50


@dataclass
class FileReport:
    """What became of one file."""

    path: Path
    spool: str
    number: int | None = None
    counts: Counts = field(default_factory=Counts)
    state: str = "pending"
    note: str = ""

    @property
    def is_left(self) -> bool:
        """Whether it was left where it is: it is not any more what was replayed of it before, or stands in its own way."""
        return self.state == "left"


@dataclass
class ReplayReport:
    """What became of a run."""

    run: int | None = None
    files: list[FileReport] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    refused: list[dict[str, object]] = field(default_factory=list)


def replay(target: Target, settings: Settings, places: list[Path], say: Callable[[str], None]) -> ReplayReport:
    """Replays what lies in the given spools, or in the one of the settings."""
    report = ReplayReport()
    with ExitStack() as held:
        held.enter_context(spool_files.locked(places, settings))
        held.enter_context(replay_lock(target, settings))
        replayer = held.enter_context(replaying(target, settings, _kind(places, settings)))
        report.run = replayer.run
        try:
            allowed = replayer.rules()
            for file in spool_files.claim(places, settings, say):
                known = replayer.find_spool(file.identity)
                if not _is_kept_and_read(known, file):
                    report.files.append(found := FileReport(file.path, file.identity))
                    try:
                        _replay_file(replayer, file, known, allowed, settings, found)
                    except (SpoolEdited, SpoolRefused) as problem:
                        # The other files are as they were; this one stays where it is.
                        found.state, found.note = "left", str(problem)
                    finally:
                        report.counts.add(found.counts)
            _try_waiting(replayer, allowed, report)
        except BaseException as problem:
            replayer.give_up(report.counts, _why(problem))
            raise
        replayer.finish(report.counts, "; ".join(f"{file.path}: {file.note}" for file in report.files if file.is_left) or None)
        faults.reach("replay: finished")
    return report


def retry(
    target: Target, settings: Settings, identity: str | None, position: int | None, say: Callable[[str], None]
) -> ReplayReport:
    """Tries dead letters, and what waits, once more; reads no file."""
    report = ReplayReport()
    with replay_lock(target, settings), replaying(target, settings, "retry") as replayer:
        report.run = replayer.run
        try:
            say(f"{replayer.retry_letters(identity, position)} dead letters are tried again")
            _try_waiting(replayer, replayer.rules(), report)
        except BaseException as problem:
            replayer.give_up(report.counts, _why(problem))
            raise
        replayer.finish(report.counts)
    return report


def _kind(places: list[Path], settings: Settings) -> str:
    """What a run looks at; a file that is named once says nothing about the spool of every night."""
    found, _ = spools(places, settings)
    return "spool" if found else "files"


def _why(problem: BaseException) -> str:
    return str(problem) if isinstance(problem, Stage1Error) else f"interrupted ({type(problem).__name__})"


def _is_kept_and_read(spool: Spool | None, file: SpoolFile) -> bool:
    """Whether a file lies in done/ and has not grown; of one that the ledger does not know another database was told.

    After a restore the ledger has forgotten: then the files of done/ are named to the command.
    """
    return file.is_kept and (spool is None or file.path.stat().st_size <= spool.replayed_to)


def _replay_file(
    replayer: Replayer, file: SpoolFile, known: Spool | None, allowed: Rules, settings: Settings, report: FileReport
) -> None:
    if file.problem:
        raise SpoolEdited(file.problem)
    if known and known.is_done and file.path.stat().st_size <= known.replayed_to:
        report.state = "known"
        report.path = spool_files.finish(file)
        return
    spool = replayer.open_spool(file.identity, file.name)
    report.number = spool.number
    with spool_files.opened(file) as opened:
        reading = Reading(file, opened, allowed, settings)
        _replay_units(replayer, spool, reading, report)
    report.note = reading.pending
    if reading.pending:
        return
    replayer.close_spool(spool, reading.end)
    report.state = "done"
    faults.reach("replay: spool closed")
    report.path = spool_files.finish(file)


def _replay_units(replayer: Replayer, spool: Spool, reading: Reading, report: FileReport) -> None:
    """Applies what is not in the ledger yet."""
    # Parsed while the server is busy with the batch before.
    with read_ahead(_batches(spool, reading)) as batches:
        for batch, known in batches:
            report.counts.known += known
            if batch:
                report.counts.add(replayer.replay(spool.number, batch, batch[-1].entries[-1].position))


def _batches(spool: Spool, units: Iterable[Unit]) -> Iterator[tuple[list[Unit], int]]:
    """Units that are not in the ledger, and how many statements before them are."""
    batch: list[Unit] = []
    known = entries = size = 0
    for whole in units:
        unit = spool.left_of(whole)
        known += len(whole.entries) - (len(unit.entries) if unit else 0)
        if unit is None:
            continue
        batch.append(unit)
        entries += len(unit.entries)
        size += sum(len(entry.text) for entry in unit.entries)
        if entries >= _BATCH or size >= _BATCH_BYTES:
            yield batch, known
            batch, known, entries, size = [], 0, 0, 0
    yield batch, known


def _try_waiting(replayer: Replayer, allowed: Rules, report: ReplayReport) -> None:
    """Tries what waits for a missing parent, until a pass applies nothing; corrects what was said of its files."""
    files = {file.number: file.counts for file in report.files}
    for _ in range(_PASSES):
        applied = waiting = 0
        after = (0, -1)
        while page := replayer.waiting(after):
            for spool, units in _waiting_units(page, allowed):
                found = replayer.replay(spool, units)
                report.counts.applied += found.applied
                report.counts.dead += found.dead
                if spool in files:
                    files[spool].add(Counts(found.applied, 0, -found.applied - found.dead, found.dead))
                applied, waiting = applied + found.applied, waiting + found.waiting
            after = (page[-1]["spool_id"], page[-1]["unit"])
        report.counts.waiting = waiting
        faults.reach("replay: waiting tried")
        if not applied:
            return


def _waiting_units(page: list[dict[str, Any]], allowed: Rules) -> Iterator[tuple[int, list[Unit]]]:
    for spool, rows in groupby(page, key=itemgetter("spool_id")):
        units = groupby(rows, key=itemgetter("unit"))
        yield spool, [Unit(tuple(judged_again(row, allowed) for row in unit)) for _, unit in units]
