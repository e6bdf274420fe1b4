"""What the server's own description says of an answer, to hold answers against it."""

from typing import Any

from tests.plugins.served import Served


def fields(served: Served, schema: str) -> set[str]:
    """The fields that a schema of the description names."""
    found: dict[str, Any] = served.get("/openapi.json").json["components"]["schemas"][schema]
    return set(found["properties"])


def pages(served: Served, path: str, limit: int, **headers: str) -> list[Any]:
    """All items of a list, read page by page; each page but the last is full."""
    items: list[Any] = []
    cursor = ""
    while True:
        sign = "&" if "?" in path else "?"
        answer = served.get(f"{path}{sign}limit={limit}{cursor}", **headers)
        assert answer.status == 200, answer.body
        page = answer.json
        items += page["items"]
        if page["next_cursor"] is None:
            assert len(page["items"]) <= limit
            return items
        assert len(page["items"]) == limit
        cursor = f"&cursor={page['next_cursor']}"
