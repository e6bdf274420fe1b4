"""Joins DBN files of one symbol and schema, one range after the other, into one with one right header; cuts a range out of one.

Owns the header of the whole, and how frames are carried over: as they are, where the header of a part has a frame of its own,
as the vendor writes it; else compressed anew. The records of a part were proven before; here its bytes are hashed again, so that
nothing else is carried. May import the readers of DBN and the vendor's format library. Refuses a part that is not any more the
file that was proven.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import databento_dbn
import zstandard

from stage1.adapters.databento import zstd_frames
from stage1.adapters.databento.arriving_file import Proven
from stage1.adapters.databento.dbn_file import open_dbn
from stage1.adapters.databento.header import MAGIC, PREFIX, Header, Mapping
from stage1.adapters.databento.layouts import Layout
from stage1.adapters.databento.whole_file import open_whole
from stage1.errors import FileChanged

_LEVEL = 3  # the vendor's
_CHUNK = 65_536  # records
_MOST_OF_A_HEADER = 1 << 20  # bytes; that of one symbol has some hundred


@dataclass(frozen=True)
class Part:
    """A proven file, and its first nanosecond."""

    path: Path
    proven: Proven
    start_ns: int


def join(parts: Sequence[Part], file: BinaryIO, layout: Layout, header: Header) -> Proven:
    """Writes the parts into an open file, in the order of their ranges; `header` is that of the whole."""
    written = _Written(file)
    written.write(_compressor().compress(_encoded(header)))
    for part in sorted(parts, key=lambda each: each.start_ns):
        if part.proven.records and _carry(part.path, layout, written) != part.proven.sha256:
            raise FileChanged(f"{part.path} is not the file any more that was proven.", hint="Run the command again.")
    return written.proven(header, sum(part.proven.records for part in parts))


def cut(path: Path, layout: Layout, file: BinaryIO, start_ns: int, end_ns: int) -> Proven:
    """Writes the records of a range of one file into another, with the header that a request for that range would have."""
    written, count = _Written(file), 0
    with open_dbn(path, layout) as source:
        header = replace(source.header, start_ns=start_ns, end_ns=end_ns, partial=(), not_found=())
        written.write(_compressor().compress(_encoded(header)))
        compressor = _compressor().compressobj()
        for records in source.chunks(_CHUNK):
            ts = records["ts_recv"]
            inside = records[(ts >= start_ns) & (ts < end_ns)]
            count += len(inside)
            written.write(compressor.compress(inside.tobytes()))
        written.write(compressor.flush())
    return written.proven(header, count)


def header_of(parts: Sequence[Part], mappings: Sequence[Mapping], symbol: str, start_ns: int, end_ns: int) -> Header:
    """The header of the whole: mappings that meet become one, and `partial` says whether the symbol is unknown on a day."""
    headers = [part.proven.header for part in parts]
    merged = _merged(mappings)
    return replace(
        headers[0],
        version=max(header.version for header in headers),
        start_ns=start_ns,
        end_ns=end_ns,
        limit=None,
        symbols=(symbol,),
        partial=(symbol,) if _has_gaps(merged, start_ns, end_ns) else (),
        not_found=(),
        mappings=merged,
    )


class _Written:
    """An open file that is written to, with the hash and the size of what was."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest, self._size = hashlib.sha256(), 0

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._digest.update(piece)
        self._size += len(piece)

    def proven(self, header: Header, records: int) -> Proven:
        """What the file is, when all of it was written."""
        return Proven(header, self._digest.hexdigest(), self._size, records)


def _compressor() -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)


def _merged(mappings: Sequence[Mapping]) -> tuple[Mapping, ...]:
    merged: list[Mapping] = []
    for each in sorted(mappings, key=lambda mapping: (mapping.symbol, mapping.first, mapping.until)):
        last = merged[-1] if merged else None
        if last and (last.symbol, last.instrument_id) == (each.symbol, each.instrument_id) and each.first <= last.until:
            merged[-1] = replace(last, until=max(last.until, each.until))
        else:
            merged.append(each)
    return tuple(merged)


def _has_gaps(mappings: Sequence[Mapping], start_ns: int, end_ns: int) -> bool:
    """Whether the symbol is unknown on a day of the range."""
    day = 86_400 * 1_000_000_000
    epoch = date(1970, 1, 1).toordinal()
    known = start_ns // day + epoch
    for each in sorted(mappings, key=lambda mapping: mapping.first):
        if each.first.toordinal() > known:
            return True
        known = max(known, each.until.toordinal())
    return known < -(-end_ns // day) + epoch


def _carry(path: Path, layout: Layout, written: _Written) -> str:
    """Hands the frames of a part's records on, and returns the sha256 of the part."""
    with open_whole(path) as source:
        if _header_has_its_own_frame(zstd_frames.first_frame(source, _MOST_OF_A_HEADER)):
            for piece in source.pieces():
                written.write(piece)
            return source.finish()
    compressor = _compressor().compressobj()
    with open_dbn(path, layout) as file:
        for records in file.chunks(_CHUNK):
            written.write(compressor.compress(records.tobytes()))
        written.write(compressor.flush())
        return file.sha256


def _header_has_its_own_frame(content: bytes | None) -> bool:
    return (
        content is not None
        and content.startswith(MAGIC)
        and len(content) == PREFIX + int.from_bytes(content[PREFIX - 4 : PREFIX], "little")
    )


def _encoded(header: Header) -> bytes:
    by_symbol: dict[str, list[SimpleNamespace]] = {}
    for each in header.mappings:
        interval = SimpleNamespace(start_date=each.first, end_date=each.until, symbol=str(each.instrument_id))
        by_symbol.setdefault(each.symbol, []).append(interval)
    metadata = databento_dbn.Metadata(
        dataset=header.dataset,
        start=header.start_ns,
        end=header.end_ns,
        stype_in=None if header.stype_in is None else databento_dbn.SType.from_str(header.stype_in),
        stype_out=databento_dbn.SType.from_str(header.stype_out),
        schema=None if header.schema is None else databento_dbn.Schema.from_str(header.schema),
        symbols=list(header.symbols),
        partial=list(header.partial),
        not_found=list(header.not_found),
        mappings=[SimpleNamespace(raw_symbol=symbol, intervals=intervals) for symbol, intervals in by_symbol.items()],
        limit=header.limit,
        ts_out=header.ts_out,
        version=header.version,
    )
    return bytes(metadata.encode())
