"""The forms of request that every part of the client makes: read, page through, stream lines, write.

Owns how cursors are followed and lines are cut. Knows no path. Refuses nothing of its own.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from stage1.client.problems import AnswerNotUnderstood
from stage1.client.transport import Body, Query, Transport, json_body

NDJSON = "application/x-ndjson"


class Requests:
    """Requests to a server, by their form."""

    def __init__(self, transport: Transport, write_timeout: float) -> None:
        self.transport = transport
        self._write_timeout = write_timeout

    def read(self, path: str, query: Query | None = None) -> Any:
        """A JSON answer."""
        return self.transport.ask("GET", path, query=query, is_safe=True).json()

    def first_page(self, path: str, query: Query) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
        """The first page as it is, and the items of it and of all pages after it."""
        first = _page(self.read(path, query), path)
        return first, self._items(first, path, query)

    def pages(self, path: str, query: Query) -> Iterator[dict[str, Any]]:
        """The items of all pages; the first page is read at once, so that a refusal is met here."""
        return self.first_page(path, query)[1]

    def lines(self, path: str, query: Query) -> Iterator[dict[str, Any]]:
        """The lines of an NDJSON answer, each as soon as it is there."""
        answer = self.transport.ask("GET", path, query=query, accept=NDJSON, is_safe=True, is_streamed=True)
        with closing(answer):
            rest = b""
            for piece in answer.pieces():
                *whole, rest = (rest + piece).split(b"\n")
                yield from map(json.loads, whole)
            if rest:
                yield json.loads(rest)

    def write(
        self,
        method: str,
        path: str,
        body: Body | Mapping[str, Any] | None,
        *,
        is_safe: bool,
        key: str | None = None,
        query: Query | None = None,
    ) -> Any:
        """A JSON answer to something that changes; `key` makes a repetition known as one. A body's file is used up."""
        sent = body if isinstance(body, Body) or body is None else json_body(body)
        try:
            answer = self.transport.ask(
                method,
                path,
                query=query,
                body=sent,
                headers={"Idempotency-Key": key} if key else None,
                is_safe=is_safe or key is not None,
                timeout=self._write_timeout,
            )
        finally:
            if sent:
                sent.close()
        return answer.json() if answer.body else None

    def _items(self, page: dict[str, Any], path: str, query: Query) -> Iterator[dict[str, Any]]:
        while True:
            yield from page["items"]
            if not page["next_cursor"]:
                return
            page = _page(self.read(path, {**query, "cursor": page["next_cursor"]}), path)


def new_key() -> str:
    """A key for one intention of writing, however often it has to be sent."""
    return str(uuid.uuid4())


def _page(answer: Any, path: str) -> dict[str, Any]:
    if not isinstance(answer, dict) or not isinstance(answer.get("items"), list) or "next_cursor" not in answer:
        raise AnswerNotUnderstood(
            f"{path} did not answer with a page: items and next_cursor.", hint="Is the server of another version?"
        )
    return answer
