"""Writes a file whole or not at all: as name.part, flushed, renamed, its folder flushed.

Owns what a full disk and a refused write are called. Imports durable, errors and faults. Refuses nothing else; who may write at
the same time is for its callers, which hold a lock.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from stage1 import faults
from stage1.durable import flush_folder
from stage1.errors import FileUnusable, NoSpace

PART = ".part"


def write_whole(path: Path, content: bytes) -> None:
    """A small file."""
    with written_whole(path) as file:
        file.write(content)


def write_part(path: Path, content: bytes) -> None:
    """A file as name.part, flushed: who has several that belong together renames them himself, in their order."""
    with explained(path), path.with_name(path.name + PART).open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name at the end of the block; what is raised in the block takes it away."""
    part = path.with_name(path.name + PART)
    with explained(path):
        try:
            with part.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            faults.reach(f"before {path.name} is renamed")
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what a file system refuses into a sentence."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(
                f"The disk of {path} is full; the file was not written.", hint="Free some space and run the command again."
            ) from problem
        raise FileUnusable(
            f"{path} cannot be written: {problem.strerror or problem}.", hint="Look at its folder's permissions."
        ) from problem
