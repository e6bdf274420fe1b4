"""Loads one file: exactly once, with an audit row, or not at all.

Owns the order: has it been loaded, is it whole, then partitions, audit row, and the one transaction that carries the bars.
What a file is, `prove_file` knows; what a bar may replace, the database does. Refuses nothing itself.
"""

from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stage1 import clock
from stage1.adapters.databento.whole_file import sha256_of
from stage1.database.bar_encoding import BarEncoder
from stage1.database.bar_loading import IngestedFile, Loader, loader
from stage1.database.targets import Target
from stage1.errors import ConnectionLost, ExitCode, FileChanged, IngestState, Stage1Error
from stage1.operations.ingest_options import IngestOptions
from stage1.operations.prove_file import Batch, ProvenFile, is_as_announced, prove
from stage1.operations.read_ahead import read_ahead
from stage1.settings import Settings

# What a step of the work is told: the step's name, records done, records in all (0 while unknown).
Progress = Callable[[str, int, int], None]


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
    ingest_id = 0
    try:
        with loader(target, settings, opened) as connection:
            ingest_id = connection.begin(_described(file, proven))
            run = _carry(connection, ingest_id, proven, options, progress)
    except (Exception, KeyboardInterrupt) as problem:
        # Rows that were never proven can fail anywhere on their way: then the file is what is to be named.
        exchanged = _exchanged(proven) if isinstance(problem, Exception) else None
        committed = _failed(target, settings, ingest_id, str(exchanged or problem) or "interrupted") if ingest_id else None
        if committed is None or not isinstance(problem, ConnectionLost):
            if exchanged is not None:
                raise exchanged from problem
            raise
        run = committed
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


def _carry(opened: Loader, ingest_id: int, proven: ProvenFile, options: IngestOptions, progress: Progress) -> dict[str, Any]:
    opened.make_partitions(proven.first, proven.last)
    encoder = BarEncoder(proven.names)
    symbols = [span.symbol for span in proven.spans]
    done, total = 0, proven.row_count + proven.rejected_count
    progress("loaded", done, total)
    with (
        opened.load(ingest_id, symbols, replace_origin=options.replace_origin) as load,
        # The next chunk is read and encoded while PostgreSQL merges this one.
        read_ahead(_encoded(proven, encoder)) as encoded,
    ):
        for message, batch in encoded:
            if len(batch.bars):
                load.add(message)
            load.reject(batch.rejected)
            done += len(batch.bars) + len(batch.rejected)
            progress("loaded", done, total)
        return load.finish(proven.details())


def _encoded(proven: ProvenFile, encoder: BarEncoder) -> Generator[tuple[bytearray, Batch], None, None]:
    with closing(proven.batches()) as batches:
        for batch in batches:
            yield encoder.message(batch.bars), batch


def _exchanged(proven: ProvenFile) -> FileChanged | None:
    try:
        same = sha256_of(proven.path)[0] == proven.sha256
    except Stage1Error:
        same = False
    return None if same else FileChanged(f"{proven.path} is not the file any more that was proven.", hint="Load it again.")


def _failed(target: Target, settings: Settings, ingest_id: int, error: str) -> dict[str, Any] | None:
    """Says in the audit row why nothing was loaded; returns the row where the load was committed after all.

    On a connection of its own, since the load's may be what failed. Where it cannot be said the row stays 'running': the
    next load of the file takes it over, and `status` names it until then.
    """
    with suppress(Stage1Error), loader(target, settings) as connection:
        try:
            connection.fail(ingest_id, error)
        except IngestState:
            return connection.show(ingest_id)
    return None
