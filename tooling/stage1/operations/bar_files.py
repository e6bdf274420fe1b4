"""Writes bars to files and to streams of text, in bounded memory.

Owns the forms of such files, and that a file has its name only when it is whole: it is written as name.part, flushed,
renamed. Imports pyarrow (the extra `frames`) for Parquet and Arrow alone; CSV and lines come from the server as they are.
Refuses a name whose ending it does not know, before the database is asked.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from stage1 import faults
from stage1.database import bar_reading
from stage1.database.bar_reading import BarSpan
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.durable import flush_folder
from stage1.errors import FileUnusable, LockHeld, NoSpace, UsageRefused
from stage1.extras import needs
from stage1.operations.bar_stats import known_of
from stage1.settings import Settings

Tell = Callable[[int], None]

SUFFIXES = (".parquet", ".arrow", ".csv")
_ROWS_A_GROUP = 65_536
_PART = ".part"


def check_output(path: Path) -> None:
    """Refuses a file that could not be written, while nothing has been read yet."""
    if path.suffix not in SUFFIXES:
        raise UsageRefused(f"--output was {path}; a name that ends in {', '.join(SUFFIXES)} was expected.")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise FileUnusable(f"{path} cannot be written: {'it is a folder' if path.is_dir() else 'its folder does not exist'}.")
    if path.suffix != ".csv":
        with needs("frames"):
            import stage1.operations.read_bars  # noqa: F401 - whether it can be imported


def write_file(target: Target, settings: Settings, span: BarSpan, path: Path, tell: Tell) -> int:
    """Writes the bars into a file and returns how many; where there are none, nothing is written."""
    if path.suffix == ".csv":
        with closing(lines(target, settings, span, header=True)) as blocks:
            return _write_whole(path, _lines_into(blocks, tell))
    from stage1.operations.read_bars import stream

    about = {"symbol": span.symbol, "timeframe": "1m", **known_of(target, settings, span.symbol)}
    with closing(stream(target, settings, span)) as blocks:
        return _write_whole(path, _columns_into(blocks, path.suffix, about, tell))


def lines(target: Target, settings: Settings, span: BarSpan, *, header: bool) -> Generator[bytes, None, None]:
    """The bars as whole lines of CSV, in blocks; close it when it is not read to its end."""
    with (
        connected(target, unhurried(settings), Purpose.READ) as connection,
        closing(bar_reading.read_lines(connection, span, header=header)) as blocks,
    ):
        yield from blocks


def count(target: Target, settings: Settings, span: BarSpan) -> int:
    """How many bars there are, whatever the limit."""
    with connected(target, unhurried(settings), Purpose.READ) as connection:
        return bar_reading.count(connection, span)


def unhurried(settings: Settings) -> Settings:
    """The settings of a stream: it ends when its reader has had all of it, however long that takes."""
    return replace(settings, values={**settings.values, "STAGE1_STATEMENT_TIMEOUT": "0"})


_Writer = Callable[[IO[bytes]], int]


def _lines_into(blocks: Iterator[bytes], tell: Tell) -> _Writer:
    def write(file: IO[bytes]) -> int:
        rows = -1  # the header is a line, too
        for block in blocks:
            file.write(block)
            rows += block.count(b"\n")
            tell(rows)
        return rows

    return write


def _columns_into(blocks: Iterator[Any], suffix: str, about: dict[str, str], tell: Tell) -> _Writer:
    import pyarrow as pa
    from pyarrow import parquet

    from stage1.operations.arrow_bars import arrow_batch, arrow_schema

    def write(file: IO[bytes]) -> int:
        schema, rows, waiting = arrow_schema(about), 0, []
        writer = (
            parquet.ParquetWriter(file, schema, compression="zstd") if suffix == ".parquet" else pa.ipc.new_file(file, schema)
        )
        with writer:
            for block in blocks:
                waiting.append(arrow_batch(block, schema))
                rows += len(block)
                # Groups of one size, whatever the size of a block: readers skip by groups.
                if sum(map(len, waiting)) >= _ROWS_A_GROUP:
                    writer.write_table(pa.Table.from_batches(waiting).combine_chunks())
                    waiting = []
                tell(rows)
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting).combine_chunks())
        return rows

    return write


def _write_whole(path: Path, write: _Writer) -> int:
    part = path.with_name(path.name + _PART)
    try:
        with _claimed(part, path) as file:
            rows = write(file)
            if rows > 0:
                file.flush()
                os.fsync(file.fileno())
                faults.reach("before the bars are renamed")
                part.rename(path)
                flush_folder(path.absolute().parent)
            return max(rows, 0)
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(
                f"The disk of {path} is full; nothing was kept.", hint="Free some space, or write elsewhere."
            ) from problem
        raise FileUnusable(f"{path} cannot be written: {problem.strerror or problem}.") from problem


@contextmanager
def _claimed(part: Path, path: Path) -> Generator[IO[bytes], None, None]:
    """The partial file, which is gone at the end unless it was renamed; one that a killed run left is taken over."""
    held = LockHeld(f"Another run writes {path} at this moment.", hint="Wait for it, or choose another name.")
    with part.open("ab") as file:
        ours = os.fstat(file.fileno())
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise held from None
        # Whoever had it may have renamed it before it was locked here: then it is a finished file.
        if not _is(part, ours):
            raise held
        try:
            file.truncate(0)
            yield file
        finally:
            if _is(part, ours):
                part.unlink()


def _is(path: Path, known: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), known)
    except FileNotFoundError:
        return False
