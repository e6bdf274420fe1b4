"""Loads one file: exactly once, with an audit row, or not at all.

Owns the order: has it been loaded, is it whole, then partitions, audit row, and the one transaction that carries the bars.
What a file is, `prove_file` knows; what a bar may replace, the database does. Refuses nothing itself.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stage1 import clock
from stage1.adapters.databento.dbn_file import sha256_of
from stage1.database.bar_encoding import BarEncoder
from stage1.database.bar_loading import IngestedFile, Loader, loader
from stage1.database.targets import Target
from stage1.errors import ExitCode, FileChanged, Stage1Error
from stage1.operations.prove_file import IngestOptions, ProvenFile, prove
from stage1.operations.read_ahead import read_ahead
from stage1.settings import Settings

# What a step of the work is told: the step's name, records done, records in all (0 while unknown).
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What became of a file. `run` is its audit row, `proven` what it holds, `problem` why it was not loaded."""

    path: Path
    status: str  # loaded, unchanged (the very file was loaded before), proven (a dry run), failed, not tried
    run: dict[str, Any] | None = None
    proven: ProvenFile | None = None
    problem: Stage1Error | None = None
    notes: tuple[str, ...] = field(default=())


def silent(step: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


def dry_run(path: Path, options: IngestOptions, progress: Progress = silent) -> Outcome:
    """Proves a file; needs no database and writes nothing."""
    return Outcome(path, "proven", proven=_proven(path, options, progress))


def ingest(target: Target, settings: Settings, path: Path, options: IngestOptions, progress: Progress = silent) -> Outcome:
    """Loads one file; what prevents it is raised, and stands in the audit row as well."""
    sha256, size = sha256_of(path)
    file = IngestedFile(
        path.name, sha256, size, options.recorded(path), whole=options.limit is None, details={"path": str(path.resolve())}
    )
    with loader(target, settings) as opened:
        repeated = opened.repeat(file) if file.whole else None
        if repeated is not None:
            return Outcome(path, "unchanged", run=repeated)
        try:
            proven = _proven(path, options, progress)
        except Stage1Error as problem:
            if problem.exit_code is ExitCode.REFUSED:
                opened.fail(opened.begin(file), str(problem))
            raise
        opened.make_partitions(proven.first, proven.last)
        ingest_id = opened.begin(_described(file, proven))
        try:
            run = _carry(opened, ingest_id, proven, options, progress)
        except KeyboardInterrupt:
            _record_failure(target, settings, opened, ingest_id, "interrupted")
            raise
        except Exception as problem:
            # Rows that were never proven can fail anywhere on their way: then the file is what is to be named.
            exchanged = _exchanged(proven)
            _record_failure(target, settings, opened, ingest_id, str(exchanged or problem))
            if exchanged is not None:
                raise exchanged from problem
            raise
        return Outcome(path, "loaded", run=run, proven=proven)


def _proven(path: Path, options: IngestOptions, progress: Progress) -> ProvenFile:
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


def _carry(opened: Loader, ingest_id: int, proven: ProvenFile, options: IngestOptions, progress: Progress) -> dict[str, Any]:
    encoder = BarEncoder(proven.names)
    symbols = [span.symbol for span in proven.spans]
    done = 0
    with (
        opened.load(ingest_id, symbols, replace_origin=options.replace_origin) as load,
        read_ahead(proven.batches()) as batches,
    ):
        for batch in batches:
            load.add(batch.bars, encoder)
            load.reject(batch.rejected)
            done += len(batch.bars) + len(batch.rejected)
            progress("loaded", done, proven.row_count + proven.rejected_count)
        return load.finish(proven.details())


def _exchanged(proven: ProvenFile) -> FileChanged | None:
    try:
        same = sha256_of(proven.path)[0] == proven.sha256
    except Stage1Error:
        same = False
    return None if same else FileChanged(f"{proven.path} is not the file any more that was proven.", hint="Load it again.")


def _record_failure(target: Target, settings: Settings, opened: Loader, ingest_id: int, error: str) -> None:
    """Says in the audit row why nothing was loaded. Where that cannot be said the row stays 'running': the next load of
    the file takes it over, and `status` names it until then."""
    try:
        opened.fail(ingest_id, error)
    except Stage1Error:
        with suppress(Stage1Error), loader(target, settings) as again:
            again.fail(ingest_id, error)
