"""Bodies that carry a list: a head and its entries, in JSON as one object, in NDJSON as a first line and the lines behind it.

Owns where the entries stand and how a refused one is pointed at. What an entry is, a check of the model decides, one entry at a
time: the lines of NDJSON are never in memory together. Imports bodies and model.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from pydantic import BaseModel

from stage1.errors import ContentRefused
from stage1.model.canonical_json import MAX_DEPTH, JsonValue, NotCanonical, parsed
from stage1.model.json_lines import EntryRefused, read_lines
from stage1.server.bodies import SpooledBody, checked
from stage1.server.problems import BodyRefused, refusal_of

Head = TypeVar("Head", bound=BaseModel)
Entry = TypeVar("Entry")

_AROUND = 2  # levels of a JSON body around an entry


def read_entries(
    body: SpooledBody, head: type[Head], field: str, check: Callable[[JsonValue], Entry]
) -> tuple[Head, Iterator[Entry]]:
    """The head of a body, and its entries, each checked when it is asked for."""
    if body.is_ndjson:
        first, rest = body.head(head)
        return first, read_lines(rest, check, first_line=2)
    document = _document(body)
    entries = document.pop(field, None)
    shape = checked(head, document)
    if not isinstance(entries, list):
        raise BodyRefused([{"pointer": f"/{field}", "detail": "a list was expected"}])
    return shape, _checked_one_by_one(entries, field, check)


def _document(body: SpooledBody) -> dict[str, JsonValue]:
    try:
        value = parsed(body.text(), max_depth=MAX_DEPTH + _AROUND)
    except NotCanonical as refused:
        raise refusal_of(refused) from None
    if not isinstance(value, dict):
        raise ContentRefused("The body is not of the form that is asked for: a JSON object was expected.")
    return value


def _checked_one_by_one(entries: list[JsonValue], field: str, check: Callable[[JsonValue], Entry]) -> Iterator[Entry]:
    for place, entry in enumerate(entries):
        try:
            yield check(entry)
        except EntryRefused as refused:
            refused.pointer = f"/{field}/{place}{refused.pointer}"
            raise
