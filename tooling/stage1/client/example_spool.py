"""Examples on their way: hashed once, their bodies in a file, so that a million of them needs no memory for bodies.

Owns the temporary file and the bodies of requests made of it. Refuses a source id that is given twice, before anything is
sent. Imports the model and the form of a body.
"""

import itertools
import json
import tempfile
import zlib
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, BinaryIO, cast

from stage1.client.answers import PIECE
from stage1.client.requests import NDJSON
from stage1.client.transport import Body, utf8
from stage1.errors import ContentRefused, SourceIdRepeated
from stage1.model.canonical_rules import shown
from stage1.model.example_lines import Example, ExampleReference
from stage1.model.json_lines import MAX_LINE_BYTES

_IN_MEMORY = 8 << 20
_HASH_BYTES = 32
_NOTED = 1000  # examples between two words about the progress

Noted = Callable[[int], None]


class ExampleSpool(AbstractContextManager["ExampleSpool"]):
    """The examples of one upsert: their ids and hashes in memory, their lines in a file."""

    def __init__(self) -> None:
        self._file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - closed by __exit__
        self._ends = array("Q")
        self._hashes = bytearray()
        self._places: dict[str, int] = {}  # source ids, in the order in which they came

    def __len__(self) -> int:
        return len(self._places)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes of all lines."""
        return self._ends[-1] if self._ends else 0

    def fill(self, examples: Iterable[Example], noted: Noted) -> None:
        """Takes in all of the examples."""
        end = number = 0
        for number, example in enumerate(examples, start=1):
            first = self._places.setdefault(example.source_id, number - 1)
            if first != number - 1:
                raise SourceIdRepeated(
                    f"The rows {first + 1:,} and {number:,} have one source id, {shown(example.source_id)}.",
                    hint="A source id names one example. Nothing was sent.",
                )
            line = example.as_line()
            if len(line) > MAX_LINE_BYTES:
                place = f"Row {number:,} (source id {shown(example.source_id)})"
                raise ContentRefused(
                    f"{place} has {len(line):,} bytes as JSON; the most is {MAX_LINE_BYTES:,}.",
                    hint="Keep what is large in a file and name it in the example.",
                    line=number,
                )
            self._file.write(line)
            end += len(line)
            self._ends.append(end)
            self._hashes += bytes.fromhex(example.content_hash)
            if number % _NOTED == 0:
                noted(number)
        if number % _NOTED or not number:
            noted(number)

    def plan(self, request: Mapping[str, Any]) -> Body:
        """The body that asks which examples are needed: ids and hashes."""
        return packed(request, (self._hash_line(source_id, place) for source_id, place in self._places.items()))

    def all_of_them(self, request: Mapping[str, Any]) -> Body:
        """The body that holds every example."""
        self._file.seek(0)
        return packed(request, iter(lambda: self._file.read(PIECE), b""))

    def some_of_them(self, request: Mapping[str, Any], needed: Collection[str], *, with_hashes: bool) -> Body:
        """The body that holds the examples that are needed, and of the rest the hashes, or nothing."""
        return packed(request, self._some_lines({self._places[name] for name in needed}, with_hashes=with_hashes))

    def _some_lines(self, needed: Collection[int], *, with_hashes: bool) -> Iterator[bytes]:
        if with_hashes:
            for source_id, place in self._places.items():
                yield self._line(place) if place in needed else self._hash_line(source_id, place)
        else:
            yield from map(self._line, sorted(needed))

    def _line(self, place: int) -> bytes:
        start = self._ends[place - 1] if place else 0
        self._file.seek(start)
        return self._file.read(self._ends[place] - start)

    def _hash_line(self, source_id: str, place: int) -> bytes:
        found = self._hashes[place * _HASH_BYTES : (place + 1) * _HASH_BYTES].hex()
        return ExampleReference(source_id, found).as_line()


def packed(request: Mapping[str, Any], lines: Iterable[bytes]) -> Body:
    """A request and what it is about as lines, compressed; quickly rather than well."""
    file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - closed by whoever sends it
    try:
        head = utf8(json.dumps(request, ensure_ascii=False, allow_nan=False)) + b"\n"
        length = sum(file.write(piece) for piece in _packed(itertools.chain([head], lines)))
    except BaseException:
        file.close()
        raise
    return Body(file, length, NDJSON, "gzip")


def _packed(lines: Iterable[bytes]) -> Iterator[bytes]:
    pack = zlib.compressobj(1, wbits=31)
    waiting: list[bytes] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= PIECE:
            yield pack.compress(b"".join(waiting))
            waiting, size = [], 0
    yield pack.compress(b"".join(waiting)) + pack.flush()
