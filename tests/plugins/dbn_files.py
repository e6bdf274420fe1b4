"""DBN files made by the tests: any version, schema, symbols, frames and damage; and where the vendor's real files lie.

`records` makes bars that are right; a test changes what it wants to be wrong, then `write` puts them into a file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import databento_dbn
import numpy as np
import pytest
import zstandard
from numpy.typing import NDArray

MINUTE = 60_000_000_000
OHLCV = np.dtype(databento_dbn.OHLCVMsg._dtypes)
RTYPE_1M = 33

# The vendor's real files lie beside the project, not in it: tests that read them skip without them.
REAL_FILES = Path(__file__).parents[3] / "shared" / "dbn"


def real_files(pattern: str = "**/*.dbn*") -> list[Path]:
    """The vendor's real files; empty where they are absent."""
    return sorted(path for path in REAL_FILES.glob(pattern) if path.is_file())


needs_real_files = pytest.mark.skipif(not REAL_FILES.is_dir(), reason="the vendor's real DBN files are not beside the project")


def nanoseconds(moment: datetime) -> int:
    """A moment as DBN has it."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000


def records(
    count: int,
    *,
    start: datetime = datetime(2023, 1, 3, 14, 30, tzinfo=UTC),
    instruments: Sequence[int] = (7,),
    publisher: int = 1,
    seed: int = 1,
) -> NDArray[Any]:
    """`count` bars, one minute after the other; with several instruments each minute has a bar of each, in turn."""
    random = np.random.default_rng(seed)
    made = np.zeros(count, OHLCV)
    made["length"] = OHLCV.itemsize // 4
    made["rtype"] = RTYPE_1M
    made["publisher_id"] = publisher
    made["instrument_id"] = np.resize(np.asarray(instruments, "u4"), count)
    made["ts_event"] = nanoseconds(start) + (np.arange(count, dtype="u8") // len(instruments)) * np.uint64(MINUTE)
    ticks = 16_000 + np.cumsum(random.integers(-3, 4, count))
    made["close"] = ticks * 250_000_000
    made["open"] = (ticks + random.integers(-4, 5, count)) * 250_000_000
    made["high"] = np.maximum(made["open"], made["close"]) + random.integers(0, 4, count) * 250_000_000
    made["low"] = np.minimum(made["open"], made["close"]) - random.integers(0, 4, count) * 250_000_000
    made["volume"] = random.integers(1, 5_000, count)
    return made


@dataclass(frozen=True)
class Header:
    """The metadata of a file; `mappings` is symbol -> [(first day, day after the last, instrument id)]."""

    dataset: str = "GLBX.MDP3"
    schema: str = "ohlcv-1m"
    start: datetime = datetime(2023, 1, 1, tzinfo=UTC)
    end: datetime | None = datetime(2024, 1, 1, tzinfo=UTC)
    mappings: Mapping[str, Sequence[tuple[date, date, int]]] = field(
        default_factory=lambda: {"ESH3": [(date(2023, 1, 1), date(2024, 1, 1), 7)]}
    )
    limit: int | None = None
    not_found: Sequence[str] = ()
    partial: Sequence[str] = ()
    stype_in: str = "raw_symbol"
    version: int = 3

    def encode(self) -> bytes:
        """The metadata as the vendor's library writes it."""
        metadata = databento_dbn.Metadata(
            dataset=self.dataset,
            start=nanoseconds(self.start),
            end=None if self.end is None else nanoseconds(self.end),
            stype_in=databento_dbn.SType.from_str(self.stype_in),
            stype_out=databento_dbn.SType.from_str("instrument_id"),
            schema=databento_dbn.Schema.from_str(self.schema),
            symbols=list(self.mappings),
            partial=list(self.partial),
            not_found=list(self.not_found),
            mappings=[
                SimpleNamespace(
                    raw_symbol=symbol,
                    intervals=[
                        SimpleNamespace(start_date=first, end_date=until, symbol=str(number))
                        for first, until, number in intervals
                    ],
                )
                for symbol, intervals in self.mappings.items()
            ],
            limit=self.limit,
            ts_out=False,
            version=self.version,
        )
        return bytes(metadata.encode())


def symbols(**instruments: int) -> Header:
    """A header that maps each symbol to one instrument id, the whole of 2023."""
    return Header(mappings={name: [(date(2023, 1, 1), date(2024, 1, 1), number)] for name, number in instruments.items()})


def write(
    path: Path, bars: NDArray[Any], header: Header | None = None, *, frames: int = 2, checksum: bool = True, level: int = 3
) -> Path:
    """Writes a file, compressed if its name ends in .zst; with several frames the header has its own, as the vendor's do."""
    head, body = (header or Header()).encode(), bars.tobytes()
    if path.suffix != ".zst":
        path.write_bytes(head + body)
        return path
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=checksum)
    if frames == 1:
        parts = [head + body]
    else:
        size = -(-len(bars) // (frames - 1)) * bars.itemsize or 1
        parts = [head, *(body[at : at + size] for at in range(0, len(body), size))]
    path.write_bytes(b"".join(compressor.compress(part) for part in parts))
    return path
