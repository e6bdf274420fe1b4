"""Files that are not whole, each made by a function, with the refusal that it has to meet.

The corpus is for every test that hands files to stage1: the reader's own, and those of the command line.
"""

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zstandard

from stage1.errors import FileDamaged, FileUnusable, Stage1Error
from tests.plugins.dbn_files import Header, records

COUNT = 100
_RECORD = 56


@dataclass(frozen=True)
class Damaged:
    """`make` puts the file into a folder and returns its path; `word` stands in the sentence of the refusal."""

    name: str
    make: Callable[[Path], Path]
    error: type[Stage1Error]
    word: str


def _header() -> bytes:
    return Header().encode()


def _body() -> bytes:
    return records(COUNT).tobytes()


def _zstd(*parts: bytes, checksum: bool = True) -> bytes:
    compressor = zstandard.ZstdCompressor(write_checksum=checksum)
    return b"".join(compressor.compress(part) for part in parts)


def _whole() -> bytes:
    """Compressed as the vendor does it: the header has a frame of its own."""
    return _zstd(_header(), _body())


def _first_frame() -> int:
    return len(_zstd(_header()))


def _altered(content: bytes, at: int, by: int = 0xFF) -> bytes:
    changed = bytearray(content)
    changed[at] ^= by
    return bytes(changed)


def _length_of_header(length: int) -> bytes:
    header = _header()
    return header[:4] + length.to_bytes(4, "little") + header[8:]


def _records_with(**values: tuple[int, int]) -> bytes:
    made = records(COUNT)
    for name, (index, value) in values.items():
        made[name][index] = value
    return made.tobytes()


def _frame(descriptor: int, window: int, *more: int) -> bytes:
    """The start of a frame of zstd, its bits chosen by hand."""
    return bytes((0x28, 0xB5, 0x2F, 0xFD, descriptor, window, *more))


def _damaged(name: str, word: str, content: Callable[[], bytes]) -> Damaged:
    def make(folder: Path) -> Path:
        path = folder / "damaged.dbn.zst"
        path.write_bytes(content())
        return path

    return Damaged(name, make, FileDamaged, word)


def _folder(folder: Path) -> Path:
    path = folder / "folder.dbn.zst"
    path.mkdir()
    return path


def _pipe(folder: Path) -> Path:
    path = folder / "pipe.dbn.zst"
    os.mkfifo(path)
    return path


def _loop(folder: Path) -> Path:
    path = folder / "loop.dbn.zst"
    path.symlink_to(path)
    return path


_CUT = "is cut short"
_END = len(_whole())
_DATA = _first_frame()

DAMAGED = [
    # nothing, or another thing
    _damaged("empty", "is empty", lambda: b""),
    _damaged("an empty frame", "holds no data", lambda: _zstd(b"")),
    _damaged("only a skippable frame", "holds no data", lambda: b"\x5a\x2a\x4d\x18\x02\0\0\0xy"),
    _damaged("CSV", "is CSV", lambda: b"ts_event,rtype,publisher_id\n1,33,1\n"),
    _damaged("CSV in zstd", "is CSV", lambda: _zstd(b"ts_event,rtype,publisher_id\n1,33,1\n")),
    _damaged("JSON", "is JSON", lambda: b'{"hd": {}}\n'),
    _damaged("HTML", "HTML", lambda: b"<html>502 Bad Gateway</html>"),
    _damaged("gzip", "gzip", lambda: gzip.compress(_header() + _body())),
    _damaged("a ZIP archive", "ZIP", lambda: b"PK\x03\x04" + bytes(60)),
    _damaged("zero bytes", "zero bytes", lambda: bytes(4096)),
    _damaged("something", "is not a DBN file", lambda: b"hello, world"),
    _damaged("one byte", "is not a DBN file", lambda: b"x"),
    _damaged("a fragment", "fragment", _body),
    _damaged("a fragment in zstd", "fragment", lambda: _zstd(_body())),
    _damaged("DBZ", "DBZ", lambda: b"\x50\x2a\x4d\x18\x90\0\0\0DBZ\x01GLBX.MDP3" + bytes(131) + _zstd(_body())),
    # the header
    _damaged("version 4", "DBN version 4", lambda: b"DBN\x04" + _header()[4:] + _body()),
    _damaged("version 0", "DBN version 0", lambda: b"DBN\0" + _header()[4:] + _body()),
    _damaged("version 9 in zstd", "DBN version 9", lambda: _zstd(b"DBN\x09" + _header()[4:], _body())),
    *(_damaged(f"a header of {size} bytes", _CUT, lambda size=size: _header()[:size]) for size in (2, 3, 7, 8, 100)),
    _damaged("a header without its last byte", _CUT, lambda: _header()[:-1]),
    _damaged("a header in zstd without its last byte", _CUT, lambda: _zstd(_header()[:-1])),
    *(
        _damaged(f"a header that says {size} bytes", "header has", lambda size=size: _length_of_header(size) + _body())
        for size in (0, 99, 101, 119, 2**26 + 1, 2**31, 2**32 - 1)
    ),
    _damaged("a header that says more than there is", _CUT, lambda: _length_of_header(2**26) + _body()),
    _damaged("a header that says 120 bytes", "cannot be read", lambda: _length_of_header(120) + _body()),
    _damaged("a header of 0xff", "cannot be read", lambda: b"DBN\x03\xff\x01\0\0" + b"\xff" * 511 + _body()),
    _damaged("a header that counts too many symbols", "symbol list count", lambda: _altered(_header() + _body(), 8 + 104)),
    _damaged("a header without a dataset", "vendor dataset", lambda: _header()[:8] + bytes(16) + _header()[24:] + _body()),
    # cut inside of the frames
    *(_damaged(f"cut at byte {at} of the first frame", _CUT, lambda at=at: _whole()[:at]) for at in (2, 4, 5, 6, 8, 10)),
    _damaged("cut in the block of the header", _CUT, lambda: _whole()[: _DATA - 10]),
    _damaged("cut in the magic of a frame", _CUT, lambda: _whole()[: _DATA + 2]),
    *(_damaged(f"cut at byte {at} of the second frame", _CUT, lambda at=at: _whole()[: _DATA + at]) for at in (4, 5, 6, 9, 200)),
    *(
        _damaged(f"without its last {count} bytes", "in the checksum", lambda count=count: _whole()[:-count])
        for count in (1, 3, 4)
    ),
    _damaged("without its last 5 bytes", "in the block", lambda: _whole()[:-5]),
    _damaged("cut in half", _CUT, lambda: _whole()[: _END // 2]),
    _damaged("cut in half, no checksum", _CUT, lambda: _zstd(_header(), _body(), checksum=False)[: _END // 2]),
    _damaged("without its last byte, no checksum", _CUT, lambda: _zstd(_header(), _body(), checksum=False)[:-1]),
    # altered inside of the frames
    _damaged("another checksum", "another checksum", lambda: _altered(_whole(), -1)),
    _damaged("a byte of the content altered", "is altered", lambda: _altered(_whole(), _END - 40)),
    _damaged("a block of an unknown kind", "is altered", lambda: _whole() + _frame(0, 0x58) + b"\x07\0\0"),
    _damaged("a reserved bit", "is altered", lambda: _whole() + _frame(0x08, 0x58) + b"\x01\0\0"),
    _damaged("a window of 256 MiB", "window", lambda: _whole() + _frame(0, 0x90) + b"\x01\0\0"),
    _damaged("a dictionary", "dictionary 9", lambda: _whole() + _frame(1, 0x58, 9) + b"\x01\0\0"),
    # what follows the last frame
    _damaged("garbage behind", "goes on after zstd frame 2", lambda: _whole() + b"garbage!"),
    _damaged("a byte behind", "goes on after zstd frame 2", lambda: _whole() + b"\n"),
    _damaged("zero bytes behind", "zero bytes", lambda: _whole() + bytes(512)),
    _damaged("a skippable frame that is cut", _CUT, lambda: _whole() + b"\x50\x2a\x4d\x18\x09\0\0\0four"),
    # the records
    _damaged("cut in a record", "in record 99, with 55 of its 56 bytes", lambda: (_header() + _body())[:-1]),
    _damaged("cut in the first record", "in record 0, with 1 of its 56 bytes", lambda: _header() + b"\x0e"),
    _damaged("frames that end in a record", "in record 35", lambda: _zstd(_header(), _body()[:1000], _body()[1000:2000])),
    _damaged("a record of zeros", "only zero bytes", lambda: _header() + _body() + bytes(_RECORD)),
    _damaged("a record of zeros in zstd", "record 100", lambda: _zstd(_header(), _body() + bytes(_RECORD))),
    _damaged("a record of another length", "its record 3 ", lambda: _header() + _records_with(length=(3, 13))),
    _damaged("a record of another schema", "rtype 32 (ohlcv-1s)", lambda: _header() + _records_with(rtype=(5, 32))),
    _damaged("the last record is another thing", "its record 99 ", lambda: _zstd(_header(), _records_with(rtype=(99, 200)))),
    _damaged("trades under a header of bars", "rtype 0 (trades)", lambda: _header() + (b"\x0c\0" + bytes(46)) * COUNT),
    # no files
    Damaged("absent", lambda folder: folder / "absent.dbn.zst", FileUnusable, "cannot be read"),
    Damaged("a folder", _folder, FileUnusable, "is a folder"),
    Damaged("a pipe", _pipe, FileUnusable, "is a pipe"),
    Damaged("a link to itself", _loop, FileUnusable, "cannot be read"),
    Damaged("a device", lambda _: Path(os.devnull), FileUnusable, "is a device"),
]
