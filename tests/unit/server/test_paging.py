"""Does a cursor come back as what it was made of, and is any other text refused?"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from stage1.errors import ArgumentInvalid
from stage1.model.json_text import JsonText
from stage1.server import paging

KINDS = (paging.moment, paging.whole, paging.text, paging.identifier)
KEY = (datetime(2023, 1, 3, 14, 30, 0, 1, tzinfo=UTC), -(2**63) + 1, "é=?/\u2028", UUID(int=5))


def test_a_cursor_holds_its_key_exactly() -> None:
    cursor = paging.cursor_of(*KEY)
    assert paging.key_of(cursor, *KINDS) == KEY
    assert cursor.replace("-", "").replace("_", "").isalnum()  # so that it needs no escape in an address
    assert paging.key_of(None, *KINDS) == (None,) * 4
    assert paging.key_of(paging.cursor_of("infinity"), paging.moment) == ("infinity",)


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        "é",
        _encoded("[1"),
        _encoded("{}"),
        _encoded("[]"),
        _encoded('["a"]'),
        _encoded('["a", 2, "3", "4"]'),
        _encoded('["2023-01-03T14:30:00+00:00", "9223372036854775808", "", "00000000-0000-0000-0000-000000000005"]'),
        _encoded('["0001-01-01T00:00:00+23:59", "1", "", "00000000-0000-0000-0000-000000000005"]'),
        _encoded('["2023-01-03T14:30:00+00:00", "1", "", "5"]'),
        _encoded('["2023-01-03T14:30:00+00:00", 1, "", "00000000-0000-0000-0000-000000000005"]'),
        paging.cursor_of(*KEY[:3]),
        paging.cursor_of(*reversed(KEY)),
    ],
)
def test_another_text_is_no_cursor(cursor: str) -> None:
    with pytest.raises(ArgumentInvalid, match="cursor is not one of this list"):
        paging.key_of(cursor, *KINDS)


def test_a_page_ends_where_no_row_is_left() -> None:
    rows = [{"id": number, "name": "n"} for number in range(3)]
    assert paging.page(rows, 3, "id") == {"items": rows, "next_cursor": None}
    first = paging.page(rows, 2, "id")
    assert first["items"] == rows[:2]
    assert paging.key_of(first["next_cursor"], paging.whole) == (1,)
    assert paging.page([], 2, "id") == {"items": [], "next_cursor": None}


def rows_of(sizes: list[int], asked: list[int]) -> Callable[..., list[dict[str, object]]]:
    """Reads rows with documents of these sizes, as a function of the database would."""

    def read(limit: int, after: int | None) -> list[dict[str, object]]:
        asked.append(limit)
        first = 0 if after is None else after + 1
        return [
            {"place": place, "document": JsonText("x" * sizes[place])} for place in range(first, min(first + limit, len(sizes)))
        ]

    return read


@pytest.mark.parametrize("limit", [1, 7, 16, 17, 40, 1000])
@pytest.mark.parametrize("sizes", [[10] * 40, [6_000_000] * 12, [20_000_000, 1, 1], [1] * 16 + [20_000_000] * 2, []], ids=len)
def test_pages_of_documents_of_any_size_have_all_of_them_once(limit: int, sizes: list[int]) -> None:
    asked: list[int] = []
    read, found, cursor = rows_of(sizes, asked), [], None
    for _ in range(len(sizes) + 2):
        page = paging.sized_page(read, limit, paging.key_of(cursor, paging.whole), "place")
        assert len(page["items"]) <= limit
        found += [row["place"] for row in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == list(range(len(sizes)))
    assert cursor is None


def test_a_page_does_not_read_much_more_than_it_may_hold() -> None:
    asked: list[int] = []
    page = paging.sized_page(rows_of([3_000_000] * 500, asked), 500, (None,), "place")
    assert 1 < len(page["items"]) <= 16
    assert sum(asked) <= 16
