"""Canonical JSON (RFC 8785) and the content hash of an example: equal contents are equal bytes, in every language.

Owns the strict reading of JSON text, the writing of canonical text, and the form of a content hash. Imports of ours the
rules for values, so that a client without server and database can use it. Refuses with a reason and a JSON pointer what
two programs would not read alike, and never rounds.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from stage1.model.canonical_rules import (
    MAX_DEPTH,
    NotCanonical,
    Reason,
    not_finite,
    number_text,
    number_value,
    shown,
    text_problem,
)
from stage1.model.canonical_values import JsonValue, json_value, too_deep

__all__ = [
    "MAX_DEPTH",
    "JsonValue",
    "NotCanonical",
    "Reason",
    "canonical_of_text",
    "canonical_text",
    "content_hash",
    "content_text",
    "joined_content",
    "parsed",
    "sha256_hex",
    "written",
]

# A number of so many characters has at most 15 digits and no exponent: every double keeps these.
_SHORT = 15
_MARKED_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_STEP_OF_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*"?|[\[\]{},]', re.DOTALL)

_encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
_string: Callable[[str], str] = json.encoder.encode_basestring  # C where there is one


def canonical_text(value: object, *, max_depth: int = MAX_DEPTH) -> str:
    """The canonical text of a Python value; `canonical_values` has the rule for each kind."""
    return written(json_value(value, max_depth))


def canonical_of_text(text: str | bytes, *, max_depth: int = MAX_DEPTH) -> str:
    """The canonical text of a JSON text."""
    return written(parsed(text, max_depth=max_depth))


def sha256_hex(canonical: str) -> str:
    """The hash of a canonical text: 64 hexadecimal digits in lower case."""
    return sha256(canonical.encode()).hexdigest()


def content_text(
    input: dict[str, Any],  # noqa: A002 - the word of everybody who writes examples
    output: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> str:
    """The content of an example: three objects, of which an absent one is empty."""
    content = {"input": input, "metadata": {} if metadata is None else metadata, "output": {} if output is None else output}
    for name, value in content.items():
        if not isinstance(value, dict):
            raise NotCanonical(Reason.NOT_A_JSON_VALUE, "an object was expected, such as {}.").within(name)
    return canonical_text(content)


def content_hash(
    input: dict[str, Any],  # noqa: A002 - as above
    output: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> str:
    """The content hash of an example, the same in the database and in every client."""
    return sha256_hex(content_text(input, output, metadata))


def joined_content(canonical_input: str, canonical_output: str, canonical_metadata: str) -> str:
    """The content of an example whose parts are written already."""
    return f'{{"input":{canonical_input},"metadata":{canonical_metadata},"output":{canonical_output}}}'


def written(value: JsonValue) -> str:
    """The canonical text of what `parsed` or `json_value` gave.

    Python's encoder writes the same, but for the few doubles from 1e-5 to 1e-9 and for the order of keys beyond U+FFFF.
    """
    text = _encoder.encode(value)
    if "e-0" in text or not (text.isascii() or len(text.encode("utf-16-le")) == 2 * len(text)):
        return _written_slowly(value)
    return text


def _written_slowly(value: JsonValue) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        names = sorted(value, key=_utf16)
        return "{" + ",".join(f"{_string(name)}:{_written_slowly(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written_slowly, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return number_text(value) if isinstance(value, float) else str(value)


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")


def parsed(text: str | bytes, *, max_depth: int = MAX_DEPTH) -> JsonValue:
    """A JSON text, read strictly: its numbers as their canonical form is read, every key once, every text sound."""
    is_sound = True
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as problem:
            raise NotCanonical(Reason.NOT_UTF8, f"byte {problem.start:,} is not UTF-8. Send the text in UTF-8.") from None
    else:
        is_sound = text_problem(text) is None
    try:
        try:
            value: JsonValue = _raising.decode(text)
        except NotCanonical:
            value, is_sound = _marking.decode(text), False
    except json.JSONDecodeError as problem:
        raise NotCanonical(Reason.NOT_JSON, f"not JSON: {problem.msg} (character {problem.pos:,}).") from None
    except RecursionError:
        _refuse_depth(text, max_depth)
        raise
    if is_sound and not ("\\u" in text and _MARKED_ESCAPE.search(text)) and not _may_be_too_deep(text, value, max_depth):
        return value
    return json_value(value, max_depth)


def _may_be_too_deep(text: str, value: JsonValue, max_depth: int) -> bool:
    if text.count("[") + text.count("{") <= max_depth:
        return False
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(max_depth):
        level = [
            item
            for each in level
            for item in (each.values() if isinstance(each, dict) else each)
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return False
    return True


def _refuse_depth(text: str, max_depth: int) -> None:
    # The parser is out of stack; this finds the place without any. Up to there, the parser found the text well-formed.
    path: list[str | int] = []  # an index, or the key as it is written; "" before a key
    name = ""
    for match in _STEP_OF_TEXT.finditer(text):
        step = match.group()
        if step[0] == '"':
            name = step
        elif step in "[{":
            if path and path[-1] == "":
                path[-1] = name
            if len(path) >= max_depth:
                refused = too_deep()
                for outer in reversed(path):
                    refused.within(outer if isinstance(outer, int) else _name_of(outer))
                raise refused
            path.append(0 if step == "[" else "")
        elif step == "," and path:
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else ""
        elif path:
            path.pop()


def _name_of(key: str) -> str:
    return str(json.loads(key)).encode("utf-8", "replace").decode()  # what cannot be sent as UTF-8 becomes a question mark


def _number(token: str) -> int | float:
    if len(token) <= _SHORT and "e" not in token and "E" not in token:
        value = float(token)
        return int(value) if value.is_integer() else value
    return number_value(token)


def _integer(token: str) -> int | float:
    return int(token) if len(token) <= _SHORT else number_value(token)


def _constant(token: str) -> JsonValue:
    raise not_finite(token)


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        name = next(name for name, times in names.items() if times > 1)
        json_value({name: None})  # a key that is no sound text is refused as that: it is no step of a pointer
        raise NotCanonical(Reason.DUPLICATE_KEY, f"the key {shown(name)} is given twice. Give it once.").within(name)
    return found


def _mark(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def marked(given: Any) -> Any:
        try:
            return read(given)
        except NotCanonical as refused:
            return refused

    return marked


_hooks: dict[str, Any] = {
    "parse_int": _integer,
    "parse_float": _number,
    "parse_constant": _constant,
    "object_pairs_hook": _object,
}
# The hooks do not know where they are: to name the place, the refusal takes the place of the value.
_marks: dict[str, Any] = {name: _mark(read) for name, read in _hooks.items()}
_raising = json.JSONDecoder(**_hooks)
_marking = json.JSONDecoder(**_marks)
