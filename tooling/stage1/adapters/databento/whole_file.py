"""A file read once, from its first byte to its last, with the sha256 of exactly the bytes that were read.

Owns how files are opened: never a folder, never a pipe or a device (opening one must not wait), and unchanged at the end.
May import errors. Refuses what cannot be read with FileUnusable and what changed meanwhile with FileChanged.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from stage1.errors import FileChanged, FileUnusable

_PIECE = 1 << 20


class WholeFile:
    """The bytes of one regular file in order; `position` is the number of the next byte that `read` gives."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        self.position = 0
        self._stream = stream
        self._hash = hashlib.sha256()
        self._piece = memoryview(b"")
        self._at = 0
        self._before = os.fstat(stream.fileno())

    def read(self, count: int) -> bytes:
        """That many bytes; fewer at the end of the file, and only there."""
        if count <= len(self._piece) - self._at:
            self._at += count
            self.position += count
            return bytes(self._piece[self._at - count : self._at])
        parts = []
        missing = count
        while missing and (len(self._piece) > self._at or self._fetch()):
            part = self._piece[self._at : self._at + missing]
            parts.append(part)
            missing -= len(part)
            self._at += len(part)
        self.position += count - missing
        return b"".join(parts)

    def peek(self, count: int) -> bytes:
        """The next bytes, which stay to be read: for the first few of a file."""
        if not self._piece:
            self._fetch()
        return bytes(self._piece[self._at : self._at + count])

    def pieces(self) -> Iterator[bytes]:
        """All that is left."""
        while piece := self.read(_PIECE):
            yield piece

    def finish(self) -> str:
        """The sha256 of the file, all of which was read; refuses a file that is not what it was at the start."""
        self.require_unchanged()
        return self._hash.hexdigest()

    def require_unchanged(self) -> None:
        """Refuses a file that somebody wrote to since it was opened."""
        now = os.fstat(self._stream.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
            raise FileChanged(
                f"{self.path} changed while it was read: it had {self._before.st_size:,} bytes and has {now.st_size:,} now.",
                hint="Wait until whoever writes it is done, then run the command again.",
            )

    def _fetch(self) -> bool:
        try:
            piece = self._stream.read(_PIECE)
        except OSError as problem:
            raise _unusable(self.path, problem) from problem
        self._hash.update(piece)
        self._piece, self._at = memoryview(piece), 0
        return bool(piece)


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
        yield WholeFile(path, stream)


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
