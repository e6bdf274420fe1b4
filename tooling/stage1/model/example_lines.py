"""Examples as NDJSON, one object a line: `source_id`, `input`, and where wanted `output`, `metadata`, `content_hash`.

Owns the shape of an example and the reading of lines in bounded memory. Imports of ours the rules of canonical JSON.
Refuses a line that is not such an object, naming the line and the place in it. `input`, `output` and `metadata` are
objects; an absent one of the last two is empty. Compression is the caller's, and so are source ids that are given twice:
they need not stand near each other.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from stage1.model.canonical_json import JsonValue, NotCanonical, joined_content, parsed, sha256_hex, written
from stage1.model.canonical_rules import shown
from stage1.model.canonical_values import json_value

MAX_LINE_BYTES = 4 * 1024 * 1024
MAX_SOURCE_ID_BYTES = 1024  # PostgreSQL's indexes end at about 2,700

_FIELDS = ("source_id", "input", "output", "metadata", "content_hash")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Example:
    """An example as it is stored: three canonical texts and their hash."""

    source_id: str
    input: str
    output: str
    metadata: str
    content_hash: str

    def as_line(self) -> bytes:
        """The line that `read_examples` reads as this example."""
        content = joined_content(self.input, self.output, self.metadata)
        return f'{{"content_hash":"{self.content_hash}",{content[1:-1]},"source_id":{written(self.source_id)}}}\n'.encode()


class ExampleRefused(ValueError):
    """An example is not of its form; `pointer` is within the example, `line` counts from 1."""

    def __init__(self, code: str, message: str, *, pointer: str = "", line: int | None = None) -> None:
        self.code = code
        self.message = message
        self.pointer = pointer
        self.line = line
        super().__init__(message)

    def __str__(self) -> str:
        places = (f"line {self.line:,}" if self.line else "", self.pointer)
        return f"{', '.join(place for place in places if place) or 'the example'}: {self.message}"


def example_of(
    source_id: str,
    input: dict[str, Any],  # noqa: A002 - the word of everybody who writes examples
    output: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Example:
    """An example of Python values; the same refusals as for a line."""
    given = {"source_id": source_id, "input": input, "output": output, "metadata": metadata}
    try:
        value = json_value({name: item for name, item in given.items() if item is not None})
    except NotCanonical as refused:
        raise _refused(refused) from None
    return checked_example(value)


def checked_example(value: JsonValue) -> Example:
    """The example that an object is which `parsed` or `json_value` gave.

    Its depth counts from the example on: whoever parses a text around it allows for what stands around.
    """
    if not isinstance(value, dict):
        raise ExampleRefused("not_an_object", "an example is a JSON object with source_id and input.")
    if unknown := [name for name in value if name not in _FIELDS]:
        raise ExampleRefused("unknown_field", f"{shown(unknown[0])} is no field of an example; these are {', '.join(_FIELDS)}.")
    source_id = _source_id(value)
    texts = _object(value, "input"), _object(value, "output"), _object(value, "metadata")
    found = sha256_hex(joined_content(*texts))
    announced = value.get("content_hash", found)
    if not isinstance(announced, str) or not _HASH.fullmatch(announced):
        raise ExampleRefused("bad_hash", "a content hash is 64 hexadecimal digits in lower case.", pointer="/content_hash")
    if announced != found:
        raise ExampleRefused(
            "hash_mismatch", f"the content hashes to {found}, not to {announced}. Leave the hash out.", pointer="/content_hash"
        )
    return Example(source_id, *texts, found)


def read_examples(
    chunks: Iterable[bytes],
    *,
    max_line_bytes: int = MAX_LINE_BYTES,
    max_examples: int | None = None,
    on_refusal: Callable[[ExampleRefused], None] | None = None,
) -> Iterator[Example]:
    """The examples of a text that comes piece by piece, each as soon as its line is there.

    A bad line raises, or is left out where `on_refusal` takes it; a line that is too long and one too many always raise.
    """
    for number, line in enumerate(_lines(chunks, max_line_bytes), start=1):
        if max_examples is not None and number > max_examples:
            raise ExampleRefused("too_many", f"there are more than {max_examples:,} examples. Send them in parts.", line=number)
        try:
            yield _example(line)
        except ExampleRefused as refused:
            refused.line = number
            if not on_refusal:
                raise
            on_refusal(refused)


def _example(line: bytes) -> Example:
    if not line.strip():
        raise ExampleRefused("empty_line", "the line is empty; every line is an example.")
    try:
        return checked_example(parsed(line))
    except NotCanonical as refused:
        raise _refused(refused) from None


def _lines(chunks: Iterable[bytes], longest: int) -> Iterator[bytes]:
    parts: list[bytes] = []  # of the line that has not ended
    length = number = 0
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


def _source_id(value: dict[str, JsonValue]) -> str:
    if "source_id" not in value:
        raise ExampleRefused("missing_field", "the example has no source_id: the text that names it in every version.")
    found = value["source_id"]
    if not isinstance(found, str) or not found:
        raise ExampleRefused("bad_source_id", "a source_id is a text that is not empty.", pointer="/source_id")
    if len(found) > MAX_SOURCE_ID_BYTES or len(found.encode()) > MAX_SOURCE_ID_BYTES:
        raise ExampleRefused(
            "bad_source_id", f"a source_id has at most {MAX_SOURCE_ID_BYTES:,} bytes in UTF-8.", pointer="/source_id"
        )
    return found


def _object(value: dict[str, JsonValue], name: str) -> str:
    if name not in value:
        if name == "input":
            raise ExampleRefused("missing_field", "the example has no input; an empty one is {}.")
        return "{}"
    found = value[name]
    if not isinstance(found, dict):
        raise ExampleRefused("not_an_object", f"{name} is a JSON object; where there is none, leave it out.", pointer=f"/{name}")
    return written(found)


def _refused(refused: NotCanonical) -> ExampleRefused:
    return ExampleRefused(refused.reason, refused.message, pointer=refused.pointer)


def _too_long(longest: int, number: int) -> ExampleRefused:
    return ExampleRefused("line_too_long", f"a line has at most {longest:,} bytes.", line=number)
