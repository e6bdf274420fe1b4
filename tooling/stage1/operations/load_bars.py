"""Brings bars that are known to be right into the database: partitions, audit row, and the one transaction that carries them.

Owns what becomes of a load that fails on its way. Where the bars come from, a vendor's file or a derivation, is not its
question. May import database and model. Refuses nothing itself: what bars may replace, the database decides.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from datetime import datetime
from typing import Any, Protocol

from stage1.database.bar_encoding import BarEncoder
from stage1.database.bar_loading import IngestedFile, Loader, loader
from stage1.database.targets import Target
from stage1.errors import ConnectionLost, FileChanged, IngestState, Stage1Error
from stage1.model.bar_batches import Batch
from stage1.operations.read_ahead import read_ahead
from stage1.settings import Settings

# What a step of the work is told: the step's name, records done, records in all (0 while unknown).
Progress = Callable[[str, int, int], None]


class BarsToLoad(Protocol):
    """Bars that were found right, and can be read once more."""

    @property
    def names(self) -> Sequence[str]:
        """What the codes of the bars mean."""

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols that there are bars of."""

    @property
    def count(self) -> int:
        """How many bars and rejected records the batches have."""

    @property
    def first(self) -> datetime:
        """The first minute."""

    @property
    def last(self) -> datetime:
        """The last minute."""

    def batches(self) -> Generator[Batch, None, None]:
        """The bars; ends normally only if they are the ones that were found right."""

    def details(self) -> dict[str, Any]:
        """What the audit row keeps beside its columns, as JSON has it."""

    def exchanged(self) -> FileChanged | None:
        """Whether their files are others by now: then that is what a load failed of."""


def load_bars(
    target: Target,
    settings: Settings,
    file: IngestedFile,
    bars: BarsToLoad,
    replace_origin: bool,
    progress: Progress,
    opened: Callable[[Loader], None] | None = None,
) -> dict[str, Any]:
    """Loads bars and returns their audit row; what prevents it is raised, and stands in the row as well."""
    ingest_id = 0
    try:
        with loader(target, settings, opened) as connection:
            ingest_id = connection.begin(file)
            return _carry(connection, ingest_id, bars, replace_origin, progress)
    except (Exception, KeyboardInterrupt) as problem:
        # Rows that were never proven can fail anywhere on their way: then the file is what is to be named.
        exchanged = bars.exchanged() if isinstance(problem, Exception) else None
        committed = _failed(target, settings, ingest_id, str(exchanged or problem) or "interrupted") if ingest_id else None
        if committed is None or not isinstance(problem, ConnectionLost):
            if exchanged is not None:
                raise exchanged from problem
            raise
        return committed


def _carry(opened: Loader, ingest_id: int, bars: BarsToLoad, replace_origin: bool, progress: Progress) -> dict[str, Any]:
    opened.make_partitions(bars.first, bars.last)
    encoder = BarEncoder(bars.names)
    done = 0
    progress("loaded", done, bars.count)
    with (
        opened.load(ingest_id, bars.symbols, replace_origin=replace_origin) as load,
        # The next chunk is read and encoded while PostgreSQL merges this one.
        read_ahead(_encoded(bars, encoder)) as encoded,
    ):
        for message, batch in encoded:
            if len(batch.bars):
                load.add(message)
            load.reject(batch.rejected)
            done += len(batch.bars) + len(batch.rejected)
            progress("loaded", done, bars.count)
        return load.finish(bars.details())


def _encoded(bars: BarsToLoad, encoder: BarEncoder) -> Generator[tuple[bytearray, Batch], None, None]:
    with closing(bars.batches()) as batches:
        for batch in batches:
            yield encoder.message(batch.bars), batch


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
