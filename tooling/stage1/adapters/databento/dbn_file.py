"""DBN files of one schema, read strictly: in chunks, once, and known to be whole when the last chunk was given.

Owns the proof that a file is whole. May import model and errors; numpy, zstandard and the vendor's format library are loaded
with it. Refuses a file that is not whole with FileDamaged, wherever it is cut or altered; what a record may hold
is not its question.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stage1.adapters.databento import zstd_frames
from stage1.adapters.databento.damage import damaged
from stage1.adapters.databento.header import MAGIC, Header, not_dbn, read_header, require_schema
from stage1.adapters.databento.layouts import BARS, RTYPES, Layout
from stage1.adapters.databento.sources import Source
from stage1.adapters.databento.whole_file import open_whole
from stage1.errors import FileDamaged
from stage1.model.bars import Bars

_Encoded = bytes  # DbnFile has an attribute of that name


class DbnFile:
    """An open file whose header was read. Its hash and counts are known when `chunks` has ended."""

    def __init__(self, source: Source, layout: Layout = BARS) -> None:
        self.path = source.path
        self.layout = layout
        self._source = source
        self._content = _Content(_contents(source))
        self._sha256: str | None = None
        self._records = 0
        self._begun = False
        try:
            self.header: Header = read_header(source.path, self._content.take)
        except FileDamaged:
            source.require_unchanged()  # a file that is still being written is not damaged
            raise

    def chunks(self, count: int = 65_536) -> Iterator[NDArray[Any]]:
        """The records, in arrays of `count`; the last may be shorter. Refuses other schemas, and damage where it is met."""
        if count < 1:
            raise ValueError("a chunk has one record at least")
        if self._begun:
            raise RuntimeError("the records of an open file can be read once; open it again")
        self._begun = True
        require_schema(self.header, self.layout)
        try:
            while encoded := self._content.take(count * self.layout.size):
                yield self._checked(encoded)
        except FileDamaged:
            self._source.require_unchanged()
            raise
        self._sha256 = self._source.finish()

    @property
    def sha256(self) -> str:
        """Of the bytes of the file as they are on the disk."""
        if self._sha256 is None:
            raise RuntimeError("known when all chunks were read")
        return self._sha256

    @property
    def bytes(self) -> int:
        """The size of the file on the disk: of what was read of it so far."""
        return self._source.position

    @property
    def records(self) -> int:
        """How many records were given so far."""
        return self._records

    def _checked(self, encoded: _Encoded) -> NDArray[Any]:
        size = self.layout.size
        whole, left = divmod(len(encoded), size)
        records = np.frombuffer(encoded, self.layout.dtype, whole)
        # Length and rtype are the first two bytes: one comparison for both.
        kinds = np.frombuffer(encoded, "<u2", whole * size // 2)[:: size // 2]
        right = kinds == size // 4 + 256 * self.layout.rtype
        if not right.all():
            raise self._other_record(records, int(np.argmin(right)))
        if left:
            raise damaged(
                self.path,
                f"is cut short: it ends in record {self._records + whole:,}, with {left} of its {size} bytes",
                "whole records up to the end",
            )
        self._records += whole
        return records

    def _other_record(self, records: NDArray[Any], index: int) -> FileDamaged:
        length, rtype = int(records["length"][index]), int(records["rtype"][index])
        expected = self.layout
        kind = f" ({RTYPES[rtype]})" if rtype in RTYPES else ""
        found = f"{length * 4} bytes of rtype {rtype}{kind}" if records[index].tobytes().strip(b"\0") else "only zero bytes"
        return damaged(
            self.path,
            f"says {expected.schema} in its header, and its record {self._records + index:,} (the first is 0)"
            f" is another thing: {found}",
            f"{expected.size} bytes of rtype {expected.rtype} ({RTYPES[expected.rtype]}) in every record",
        )


@contextmanager
def open_dbn(path: Path, layout: Layout = BARS) -> Iterator[DbnFile]:
    """Opens a DBN file, compressed or not, and reads its header; closes it with the block."""
    with open_whole(path) as source:
        yield DbnFile(source, layout)


def bars_of(records: NDArray[Any], first_position: int, symbol_codes: NDArray[np.int32]) -> Bars:
    """Records as bars: views of them, no copies. `first_position` is the number of the first in its file."""
    return Bars(
        position=np.arange(first_position, first_position + len(records), dtype=np.int64),
        symbol=symbol_codes,
        ts=records["ts_event"],
        open=records["open"],
        high=records["high"],
        low=records["low"],
        close=records["close"],
        volume=records["volume"],
        publisher=records["publisher_id"],
        instrument=records["instrument_id"],
    )


class _Content:
    """Pieces of a stream, taken by the byte."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def take(self, count: int) -> bytes:
        """That many bytes; fewer at the end, and only there."""
        parts = []
        missing = count
        while missing:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            part = self._rest[:missing]
            self._rest = self._rest[len(part) :]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _contents(source: Source) -> Iterator[bytes]:
    """What is in the file, decompressed if it is: its first bytes tell, not its name."""
    start = source.peek(12)
    if not start:
        raise damaged(source.path, "is empty", "a DBN header and records")
    if start.startswith(MAGIC) or MAGIC.startswith(start):
        return source.pieces()
    if zstd_frames.is_skippable(start[:4]) and start[8:11] == b"DBZ":
        raise damaged(
            source.path,
            "is a DBZ file, the vendor's format before DBN: it begins with a zstd frame that names it",
            "DBN",
            hint="Request the data again from the vendor: every request answers with DBN today.",
        )
    if start[:4] == zstd_frames.MAGIC or zstd_frames.is_skippable(start[:4]):
        return zstd_frames.contents(source)
    if zstd_frames.MAGIC.startswith(start):
        raise damaged(source.path, f"is cut short: it ends at byte {len(start)}, in its first zstd frame", "a whole frame")
    raise not_dbn(source.path, start)
