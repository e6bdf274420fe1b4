"""DBN files of the pipeline proven whole: one that is arriving, in one pass with its writing and its hash, or one that is there.

Owns the two threads of an arrival: the caller's reads the network, writes and hashes, so that it can be interrupted; a second
one decompresses and looks at every record. May import the readers of DBN. Refuses what they refuse, what its caller refuses of a
header, and records outside of the range that is expected.
"""

import hashlib
import queue
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stage1.adapters.databento.damage import damaged
from stage1.adapters.databento.dbn_file import DbnFile
from stage1.adapters.databento.header import Header
from stage1.adapters.databento.layouts import Layout
from stage1.adapters.databento.whole_file import Pieces, open_whole

_CHUNK = 65_536  # records
_WAITING = 16  # pieces between the two threads
_LOOK_UP = 0.1  # seconds after which a full queue is a reason to look whether anybody still empties it


@dataclass(frozen=True)
class Expected:
    """What a file must be: its schema, the nanoseconds [start, end) of its records, and what else its header must say."""

    layout: Layout
    start_ns: int | None  # the header's own where nothing is said
    end_ns: int | None
    check: Callable[[Header], None] = lambda _: None  # raises what is wrong with it


@dataclass(frozen=True)
class Proven:
    """What a whole file is."""

    header: Header
    sha256: str
    bytes: int
    records: int


def prove(path: Path, expected: Expected) -> Proven:
    """Proves a file that is there."""
    with open_whole(path) as source:
        file = _proven(DbnFile(source, expected.layout), expected)
        return Proven(file.header, file.sha256, file.bytes, file.records)


def receive(pieces: Iterable[bytes], name: Path, file: BinaryIO, expected: Expected, progress: Callable[[int], None]) -> Proven:
    """Writes what arrives into an open file, and proves it; `name` is for sentences, `progress` is told the records."""
    handed = _Handed()
    digest, size = hashlib.sha256(), 0
    with ThreadPoolExecutor(1, thread_name_prefix="prove") as pool:
        try:
            proof = pool.submit(lambda: _proven(DbnFile(_Arriving(name, handed.take), expected.layout), expected, progress))
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
                size += len(piece)
                handed.give(piece, proof)
        finally:
            # The end, wherever it is, and whatever interrupts: the thread ends in every case, and finds missing what is missing.
            handed.end()
        proven = proof.result()
    return Proven(proven.header, digest.hexdigest(), size, proven.records)


class _Handed:
    """Pieces on their way from one thread to the other: some of them at a time.

    Of simple queues, since an interrupt in the middle of theirs leaves other ones locked.
    """

    def __init__(self) -> None:
        self._pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._room: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(_WAITING):
            self._room.put(None)

    def give(self, piece: bytes, proof: "Future[DbnFile]") -> None:
        """Hands a piece on when there is room; raises what the other thread has found."""
        while not proof.done():
            try:
                self._room.get(timeout=_LOOK_UP)
            except queue.Empty:
                continue
            self._pieces.put(piece)
            return
        proof.result()

    def take(self) -> bytes:
        """The next piece; nothing at the end."""
        piece = self._pieces.get()
        self._room.put(None)
        return piece

    def end(self) -> None:
        """There are no more."""
        self._pieces.put(b"")


class _Arriving(Pieces):
    def finish(self) -> str:
        """The bytes are hashed where they are written."""
        return ""


def _proven(file: DbnFile, expected: Expected, progress: Callable[[int], None] | None = None) -> DbnFile:
    expected.check(file.header)
    start = file.header.start_ns if expected.start_ns is None else expected.start_ns
    end = file.header.end_ns if expected.end_ns is None else expected.end_ns
    for records in file.chunks(_CHUNK):
        ts = records["ts_recv"]
        if int(ts.min()) < start or (end is not None and int(ts.max()) >= end):
            raise damaged(
                file.path, "has records that were received outside of the range it is of", "none but those of the range"
            )
        if progress is not None:
            progress(file.records)
    return file
