"""NDJSON: one JSON object a line, read piece by piece in bounded memory, each as soon as its line is there.

Owns the cutting into lines, their limits, and the place of a refusal: its line and a pointer within it. What a line may hold is
its caller's check. Imports of ours the rules of canonical JSON. Refuses an empty line and one that is too long.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from stage1.model.canonical_json import JsonValue, NotCanonical, parsed

MAX_LINE_BYTES = 4 * 1024 * 1024

Entry = TypeVar("Entry")


class EntryRefused(ValueError):
    """An entry of a list or a line is not of its form; `pointer` is within the entry, `line` counts from 1."""

    def __init__(self, code: str, message: str, *, pointer: str = "", line: int | None = None) -> None:
        self.code = code
        self.message = message
        self.pointer = pointer
        self.line = line
        super().__init__(message)

    def __str__(self) -> str:
        places = (f"line {self.line:,}" if self.line else "", self.pointer)
        return f"{', '.join(place for place in places if place) or 'the entry'}: {self.message}"


def read_lines(
    chunks: Iterable[bytes],
    check: Callable[[JsonValue], Entry],
    *,
    first_line: int = 1,
    max_line_bytes: int = MAX_LINE_BYTES,
    max_lines: int | None = None,
    on_refusal: Callable[[EntryRefused], None] | None = None,
) -> Iterator[Entry]:
    """What `check` makes of each line of a text that comes piece by piece.

    A bad line raises, or is left out where `on_refusal` takes it; a line that is too long and one too many always raise.
    """
    for number, line in enumerate(cut_lines(chunks, max_line_bytes, first_line), start=first_line):
        if max_lines is not None and number - first_line >= max_lines:
            raise EntryRefused("too_many", f"there are more than {max_lines:,} lines. Send them in parts.", line=number)
        try:
            yield _entry(line, check)
        except EntryRefused as refused:
            refused.line = number
            if not on_refusal:
                raise
            on_refusal(refused)


def cut_lines(chunks: Iterable[bytes], longest: int = MAX_LINE_BYTES, first_line: int = 1) -> Iterator[bytes]:
    """The lines of a text, without their ends; the last one may have none."""
    parts: list[bytes] = []  # of the line that has not ended
    length, number = 0, first_line - 1
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            number += 1
            if length + len(piece) > longest:
                raise _too_long(longest, number)
            yield b"".join((*parts, piece)) if parts else piece
            parts, length = [], 0
        if rest:
            parts.append(rest)
            length += len(rest)
            if length > longest:
                raise _too_long(longest, number + 1)
    if parts:
        yield b"".join(parts)


def refused_value(refused: NotCanonical) -> EntryRefused:
    """A value that is no canonical JSON, as the entry in which it stands."""
    return EntryRefused(refused.reason, refused.message, pointer=refused.pointer)


def _entry(line: bytes, check: Callable[[JsonValue], Entry]) -> Entry:
    if not line.strip():
        raise EntryRefused("empty_line", "the line is empty; every line is an object.")
    try:
        return check(parsed(line))
    except NotCanonical as refused:
        raise refused_value(refused) from None


def _too_long(longest: int, number: int) -> EntryRefused:
    return EntryRefused("line_too_long", f"a line has at most {longest:,} bytes.", line=number)
