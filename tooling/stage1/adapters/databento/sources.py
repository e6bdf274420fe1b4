"""What the readers of DBN read from: a file on a disk (`whole_file`), or one that is arriving (`arriving_file`).

Owns the protocol alone; imports nothing of ours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class Source(Protocol):
    """The bytes of a file in order: of one on a disk, or of one that is arriving."""

    @property
    def path(self) -> Path:
        """How sentences name it."""

    @property
    def position(self) -> int:
        """The number of the next byte."""

    def read(self, count: int) -> bytes:
        """That many bytes; fewer at the end, and only there."""

    def peek(self, count: int) -> bytes:
        """The next bytes, which stay to be read: for the first few."""

    def pieces(self) -> Iterator[bytes]:
        """All that is left."""

    def finish(self) -> str:
        """The sha256 of all the bytes, all of which were read."""

    def require_unchanged(self) -> None:
        """Refuses a file that somebody else wrote to meanwhile."""
