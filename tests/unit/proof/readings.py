"""What a proven file would load, beside what was written into it."""

from datetime import UTC, date, datetime

from stage1.operations.ingest_options import IngestOptions
from stage1.operations.prove_file import ProvenFile

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = datetime(2023, 1, 3, 14, 30, tzinfo=UTC)
QUARANTINE = IngestOptions(on_bad_rows="quarantine")
A_YEAR = [(date(2023, 1, 1), date(2024, 1, 1))]


def loaded(proven: ProvenFile) -> list[tuple]:
    """What would be loaded: symbol, then the columns of the record, in the order of the batches."""
    columns = ("ts", "open", "high", "low", "close", "volume")
    return [
        (proven.names[bars.symbol[at]], *(int(getattr(bars, name)[at]) for name in columns))
        for bars in (batch.bars for batch in proven.batches())
        for at in range(len(bars))
    ]


def as_written(bars, names) -> list[tuple]:
    """The same, from the records themselves."""
    columns = ("ts_event", "open", "high", "low", "close", "volume")
    return [(names[int(bar["instrument_id"])], *(int(bar[name]) for name in columns)) for bar in bars]
