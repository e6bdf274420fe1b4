"""Examples as NDJSON, one object a line: `source_id`, `input`, and where wanted `output`, `metadata`, `content_hash`.

Owns the shape of an example, and of a reference to one. Imports of ours the rules of canonical JSON and the reading of lines.
Refuses an object that is not of its shape, naming the place in it. `input`, `output` and `metadata` are
objects; an absent one of the last two is empty. Compression is the caller's, and so are source ids that are given twice:
they need not stand near each other.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from stage1.model.canonical_json import JsonValue, NotCanonical, joined_content, sha256_hex, written
from stage1.model.canonical_rules import shown
from stage1.model.canonical_values import json_value
from stage1.model.json_lines import MAX_LINE_BYTES, EntryRefused, read_lines, refused_value

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


@dataclass(frozen=True, slots=True)
class ExampleReference:
    """An example that is named by its hash alone: whoever reads it has the content, or asks for it."""

    source_id: str
    content_hash: str

    def as_line(self) -> bytes:
        """The line that `checked_entry` reads as this reference."""
        return f'{{"content_hash":"{self.content_hash}","source_id":{written(self.source_id)}}}\n'.encode()


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
        raise refused_value(refused) from None
    return checked_example(value)


def checked_example(value: JsonValue) -> Example:
    """The example that an object is which `parsed` or `json_value` gave.

    Its depth counts from the example on: whoever parses a text around it allows for what stands around.
    """
    if not isinstance(value, dict):
        raise EntryRefused("not_an_object", "an example is a JSON object with source_id and input.")
    if unknown := [name for name in value if name not in _FIELDS]:
        raise EntryRefused("unknown_field", f"{shown(unknown[0])} is no field of an example; these are {', '.join(_FIELDS)}.")
    source_id = _source_id(value)
    texts = _object(value, "input"), _object(value, "output"), _object(value, "metadata")
    found = sha256_hex(joined_content(*texts))
    announced = _hash(value.get("content_hash", found))
    if announced != found:
        raise EntryRefused(
            "hash_mismatch", f"the content hashes to {found}, not to {announced}. Leave the hash out.", pointer="/content_hash"
        )
    return Example(source_id, *texts, found)


def checked_reference(value: JsonValue) -> ExampleReference:
    """The reference that an object is which has a source_id and a content_hash, and nothing else."""
    if not isinstance(value, dict):
        raise EntryRefused("not_an_object", "a JSON object with source_id and content_hash was expected.")
    if unknown := [name for name in value if name not in ("source_id", "content_hash")]:
        raise EntryRefused("unknown_field", f"{shown(unknown[0])} does not belong here; source_id and content_hash do.")
    source_id = _source_id(value)
    if "content_hash" not in value:
        raise EntryRefused("missing_field", "content_hash is missing: the hash of the example's content.")
    return ExampleReference(source_id, _hash(value["content_hash"]))


def checked_entry(value: JsonValue) -> Example | ExampleReference:
    """An example, or where there is a hash and no input a reference to one."""
    if isinstance(value, dict) and "content_hash" in value and "input" not in value:
        return checked_reference(value)
    return checked_example(value)


def read_examples(
    chunks: Iterable[bytes],
    *,
    max_line_bytes: int = MAX_LINE_BYTES,
    max_examples: int | None = None,
    on_refusal: Callable[[EntryRefused], None] | None = None,
) -> Iterator[Example]:
    """The examples of a text that comes piece by piece, as `read_lines` reads them."""
    return read_lines(chunks, checked_example, max_line_bytes=max_line_bytes, max_lines=max_examples, on_refusal=on_refusal)


def _source_id(value: dict[str, JsonValue]) -> str:
    if "source_id" not in value:
        raise EntryRefused("missing_field", "the example has no source_id: the text that names it in every version.")
    found = value["source_id"]
    if not isinstance(found, str) or not found:
        raise EntryRefused("bad_source_id", "a source_id is a text that is not empty.", pointer="/source_id")
    if len(found) > MAX_SOURCE_ID_BYTES or len(found.encode()) > MAX_SOURCE_ID_BYTES:
        raise EntryRefused(
            "bad_source_id", f"a source_id has at most {MAX_SOURCE_ID_BYTES:,} bytes in UTF-8.", pointer="/source_id"
        )
    return found


def _object(value: dict[str, JsonValue], name: str) -> str:
    if name not in value:
        if name == "input":
            raise EntryRefused("missing_field", "the example has no input; an empty one is {}.")
        return "{}"
    found = value[name]
    if not isinstance(found, dict):
        raise EntryRefused("not_an_object", f"{name} is a JSON object; where there is none, leave it out.", pointer=f"/{name}")
    return written(found)


def _hash(value: JsonValue) -> str:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise EntryRefused("bad_hash", "a content hash is 64 hexadecimal digits in lower case.", pointer="/content_hash")
    return value
