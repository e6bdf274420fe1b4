"""Loads one file: exactly once, with an audit row, or not at all.

Owns the order: has it been loaded, is it whole, then its bars. What a file is, `prove_file` knows; what a bar may replace,
the database does. Refuses nothing itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stage1 import clock
from stage1.adapters.databento.whole_file import sha256_of
from stage1.database.bar_loading import IngestedFile, Loader, loader
from stage1.database.targets import Target
from stage1.errors import ExitCode, Stage1Error
from stage1.operations.ingest_options import IngestOptions
from stage1.operations.load_bars import Progress, load_bars
from stage1.operations.prove_file import ProvenFile, is_as_announced, prove
from stage1.settings import Settings


@dataclass(frozen=True)
class Outcome:
    """What became of a file. `run` is its audit row, `proven` what it holds, `problem` why it was not loaded."""

    path: Path
    status: str  # loaded, unchanged (the very file was loaded before), proven (a dry run), failed, interrupted, not tried
    run: dict[str, Any] | None = None
    proven: ProvenFile | None = None
    problem: Stage1Error | None = None


def silent(step: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


def dry_run(path: Path, options: IngestOptions, progress: Progress = silent) -> Outcome:
    """Proves a file; needs no database and writes nothing."""
    return Outcome(path, "proven", proven=_proven(path, options, progress))


def ingest(
    target: Target,
    settings: Settings,
    path: Path,
    options: IngestOptions,
    progress: Progress = silent,
    opened: Callable[[Loader], None] | None = None,
) -> Outcome:
    """Loads one file; what prevents it is raised, and stands in the audit row as well. `opened` is told of each connection."""
    sha256, size = sha256_of(path)
    file = IngestedFile(
        path.name, sha256, size, options.recorded(path), whole=options.limit is None, details={"path": str(path.resolve())}
    )
    with loader(target, settings, opened) as connection:
        repeated = connection.repeat(file) if file.whole and is_as_announced(path, options, sha256, size) else None
    if repeated is not None:
        return Outcome(path, "unchanged", run=repeated)
    try:
        # For as long as this takes no connection is held: the ones of poolers and firewalls end when they idle.
        proven = _proven(path, options, progress)
    except Stage1Error as problem:
        if problem.exit_code is ExitCode.REFUSED:
            with loader(target, settings, opened) as connection:
                connection.fail(connection.begin(file), str(problem))
        raise
    run = load_bars(target, settings, _described(file, proven), proven, options.replace_origin, progress, opened)
    return Outcome(path, "loaded", run=run, proven=proven)


def _proven(path: Path, options: IngestOptions, progress: Progress) -> ProvenFile:
    progress("checked", 0, 0)
    return prove(path, options, clock.now(), lambda done: progress("checked", done, 0))


def _described(file: IngestedFile, proven: ProvenFile) -> IngestedFile:
    return IngestedFile(
        file.name,
        # Of the bytes that were proven: the file may have been exchanged since the first look.
        proven.sha256,
        proven.bytes,
        file.options,
        vendor=proven.vendor,
        dataset=proven.dataset,
        origin=proven.origin,
        whole=proven.whole,
        warnings=proven.warnings,
        details={**(file.details or {}), **proven.details()},
    )
