"""A file read once, from its first byte to its last, with the sha256 of exactly the bytes that were read.

Owns how files are opened: never a folder, never a pipe or a device (opening one must not wait), and unchanged at the end.
May import errors. Refuses what cannot be read with FileUnusable and what changed meanwhile with FileChanged.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from stage1.errors import FileChanged, FileUnusable

_PIECE = 1 << 20


class Pieces:
    """Bytes in order, wherever they come from; `position` is the number of the next byte that `read` gives."""

    def __init__(self, path: Path, fetch: Callable[[], bytes]) -> None:
        self.path = path
        self.position = 0
        self._fetch = fetch  # the next piece; nothing at the end
        self._has_ended = False
        self._piece = memoryview(b"")
        self._at = 0

    def read(self, count: int) -> bytes:
        """That many bytes; fewer at the end, and only there."""
        if count <= len(self._piece) - self._at:
            self._at += count
            self.position += count
            return bytes(self._piece[self._at - count : self._at])
        parts = []
        missing = count
        while missing and (len(self._piece) > self._at or self._next()):
            part = self._piece[self._at : self._at + missing]
            parts.append(part)
            missing -= len(part)
            self._at += len(part)
        self.position += count - missing
        return b"".join(parts)

    def peek(self, count: int) -> bytes:
        """The next bytes, which stay to be read: for the first few of a file."""
        if not self._piece:
            self._next()
        while len(self._piece) - self._at < count and (more := self._more()):
            self._piece, self._at = memoryview(bytes(self._piece[self._at :]) + more), 0
        return bytes(self._piece[self._at : self._at + count])

    def pieces(self) -> Iterator[bytes]:
        """All that is left."""
        while piece := self.read(_PIECE):
            yield piece

    def require_unchanged(self) -> None:
        """Nothing can have changed what arrives once."""

    def _next(self) -> bool:
        piece = self._more()
        self._piece, self._at = memoryview(piece), 0
        return bool(piece)

    def _more(self) -> bytes:
        # Who gives what arrives says once that it has ended: asking again would wait for ever.
        piece = b"" if self._has_ended else self._fetch()
        self._has_ended = not piece
        return piece


class WholeFile(Pieces):
    """The bytes of one regular file."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        super().__init__(path, self._from_disk)
        self._stream = stream
        self._hash = hashlib.sha256()
        # Hashing takes as long as a fifth of decompressing: it is done beside it.
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self._hashed: Future[None] | None = None
        self._before = os.fstat(stream.fileno())

    def finish(self) -> str:
        """The sha256 of the file, all of which was read; refuses a file that is not what it was at the start."""
        self.require_unchanged()
        if self._hashed is not None:
            self._hashed.result()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Ends the thread."""
        self._beside.shutdown()

    def require_unchanged(self) -> None:
        """Refuses a file that somebody wrote to since it was opened."""
        now = os.fstat(self._stream.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
            raise FileChanged(
                f"{self.path} changed while it was read: it had {self._before.st_size:,} bytes and has {now.st_size:,} now.",
                hint="Wait until whoever writes it is done, then run the command again.",
            )

    def _from_disk(self) -> bytes:
        try:
            piece = self._stream.read(_PIECE)
        except OSError as problem:
            raise _unusable(self.path, problem) from problem
        if self._hashed is not None:
            self._hashed.result()  # one at a time, in their order
        self._hashed = self._beside.submit(self._hash.update, piece) if piece else None
        return piece


@contextmanager
def open_whole(path: Path) -> Iterator[WholeFile]:
    """Opens a regular file for one pass."""
    try:
        # Opening a pipe for reading waits for a writer, unless it is opened without blocking.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as problem:
        raise _unusable(path, problem) from problem
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise FileUnusable(
            f"{path} is {_kind_of(mode)}, not a file.",
            hint="Name a file on a disk: it is read twice, first to prove it whole.",
        )
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        whole = WholeFile(path, stream)
        try:
            yield whole
        finally:
            whole.close()


def sha256_of(path: Path) -> tuple[str, int]:
    """The sha256 of a file and its size in bytes."""
    with open_whole(path) as source:
        size = sum(len(piece) for piece in source.pieces())
        return source.finish(), size


def _kind_of(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device"


def _unusable(path: Path, problem: OSError | ValueError) -> FileUnusable:
    reason = problem.strerror if isinstance(problem, OSError) else str(problem)
    return FileUnusable(f"{path} cannot be read: {reason}.", hint="Look at its path and permissions, and run the command again.")
