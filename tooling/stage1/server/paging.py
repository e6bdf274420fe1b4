"""Pages of lists: the parameters of a page, and cursors that say where the next one begins.

Owns the form of a cursor: base64url of the canonical JSON of the key of the last row, opaque to clients. A page is found by
its key, so that it is equally quick at any depth, and rows that come or go meanwhile neither repeat nor hide others. Refuses
a cursor that is not of this list.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from stage1.errors import ArgumentInvalid
from stage1.model.canonical_json import NotCanonical, canonical_text, parsed
from stage1.model.json_text import JsonText

MOST = 1000
_FIRST_STEP = 16  # rows; how many are read next follows from how large these are
_STEPS_GROW = 4
_LARGEST_PAGE = 16 * 1024 * 1024  # characters of JSON documents
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at the most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=8192, description="Where to go on: next_cursor of the page before, as it is. Without it, the first page."),
]

_LARGEST = 2**63 - 1
# Times of the database that Python has no object for.
_FOR_EVER = ("infinity", "-infinity")


def whole(given: Any) -> int:
    """A whole number of a key; in the cursor it is text, since JSON's numbers are not exact everywhere."""
    number = int(given) if isinstance(given, str) and given.removeprefix("-").isdecimal() and len(given) <= 20 else _LARGEST + 1
    if not -_LARGEST <= number <= _LARGEST:
        raise ValueError("not a number of PostgreSQL")
    return number


def text(given: Any) -> str:
    """A text of a key."""
    if not isinstance(given, str) or "\0" in given:
        raise ValueError("not a text of PostgreSQL")
    return given


def moment(given: Any) -> datetime | str:
    """A time of a key."""
    if given in _FOR_EVER:
        return str(given)
    return datetime.fromisoformat(text(given)).astimezone(UTC)


def identifier(given: Any) -> UUID:
    """An id of a key."""
    return UUID(text(given))


def key_of(cursor: str | None, *kinds: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The key that a cursor holds, a value of each kind; without a cursor as many nulls."""
    if cursor is None:
        return (None,) * len(kinds)
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = parsed(urlsafe_b64decode(padded.encode("ascii")))
        if not isinstance(values, list):
            raise ValueError("not a list")
        return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
    except (ValueError, OverflowError, binascii.Error, NotCanonical):
        raise ArgumentInvalid(
            "cursor is not one of this list.",
            hint="Pass next_cursor of the page before as it is, or no cursor for the first page.",
        ) from None


def cursor_of(*key: object) -> str:
    """The cursor that stands for a key."""
    values = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value) for value in key]
    return urlsafe_b64encode(canonical_text(values).encode()).rstrip(b"=").decode()


def sized_page(read: Callable[..., list[dict[str, Any]]], limit: int, key: tuple[Any, ...], *names: str) -> dict[str, Any]:
    """A page of rows that hold documents of any size: one that gets too large ends before `limit`.

    `read` gives so many rows that follow a key; it is asked for few first, so that no more is in memory than a page may hold.
    """
    rows: list[dict[str, Any]] = []
    size, step = 0, _FIRST_STEP
    while len(rows) <= limit:
        wanted = min(step, limit + 1 - len(rows))
        found = read(wanted, *key)
        rows += found
        size += sum(len(value.text) for row in found for value in row.values() if isinstance(value, JsonText))
        if len(found) < wanted:
            return page(rows, limit, *names)
        if size >= _LARGEST_PAGE:
            break
        key = tuple(found[-1][name] for name in names)
        step = max(1, min(step * _STEPS_GROW, (_LARGEST_PAGE - size) * len(rows) // max(size, 1)))
    # The last of the rows says that there are more; where it is the only one, nobody knows.
    if len(rows) > 1:
        return page(rows, min(limit, len(rows) - 1), *names)
    return {"items": rows, "next_cursor": cursor_of(*(rows[0][name] for name in names))}


def page(rows: list[dict[str, Any]], limit: int, *key: str) -> dict[str, Any]:
    """A page of rows of which one more than `limit` was asked for: whether there is a next page shows by it."""
    more = len(rows) > limit
    items = rows[:limit]
    return {"items": items, "next_cursor": cursor_of(*(items[-1][name] for name in key)) if more else None}
