"""The forms of request that every part of the client makes: read, page through, stream lines, write.

Owns how cursors are followed and lines are cut. Knows no path. Refuses an answer that has not the field it is asked for: what
another server says is not taken for one of ours.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from stage1.client.problems import AnswerNotUnderstood
from stage1.client.transport import Body, Query, Transport, json_body

NDJSON = "application/x-ndjson"
_TRIES_OF_LONG_WORK = 9  # with at most 51 s of pauses between them


class Requests:
    """Requests to a server, by their form."""

    def __init__(self, transport: Transport, write_timeout: float, tries: int | None = None) -> None:
        self.transport = transport
        self._write_timeout = write_timeout
        self._tries = tries

    def patient(self) -> "Requests":
        """The same for long work: a server that is started anew is waited for."""
        return Requests(self.transport, self._write_timeout, _TRIES_OF_LONG_WORK)

    def read(self, path: str, has: str, query: Query | None = None) -> dict[str, Any]:
        """A JSON answer that has this field."""
        return _having(self.transport.ask("GET", path, query=query, is_safe=True, tries=self._tries).json(), path, has)

    def first_page(self, path: str, query: Query) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
        """The first page as it is, and the items of it and of all pages after it."""
        first = self._page(path, query)
        return first, self._items(first, path, query)

    def pages(self, path: str, query: Query) -> Iterator[dict[str, Any]]:
        """The items of all pages; the first page is read at once, so that a refusal is met here."""
        return self.first_page(path, query)[1]

    def lines(self, path: str, query: Query) -> Iterator[dict[str, Any]]:
        """The lines of an NDJSON answer, each as soon as it is there."""
        answer = self.transport.ask("GET", path, query=query, accept=NDJSON, is_safe=True, is_streamed=True)
        with closing(answer):
            if answer.media_type != NDJSON:
                answer.read()
                raise answer.not_understood()
            rest = b""
            for piece in answer.pieces():
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    yield _line(line, path)
            if rest:
                yield _line(rest, path)

    def write(
        self,
        method: str,
        path: str,
        body: Body | Mapping[str, Any] | None,
        *,
        has: str | None = None,
        is_safe: bool,
        key: str | None = None,
        query: Query | None = None,
    ) -> dict[str, Any]:
        """A JSON answer that has a field, to something that changes; empty where none is named.

        `key` makes a repetition known as one. A body's file is used up.
        """
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
                tries=self._tries,
            )
        finally:
            if sent:
                sent.close()
        return _having(answer.json(), path, has) if has else {}

    def _items(self, page: dict[str, Any], path: str, query: Query) -> Iterator[dict[str, Any]]:
        while True:
            yield from page["items"]
            if not page["next_cursor"]:
                return
            page = self._page(path, {**query, "cursor": page["next_cursor"]})

    def _page(self, path: str, query: Query) -> dict[str, Any]:
        page = self.read(path, "next_cursor", query)
        return page if isinstance(page.get("items"), list) else _having({}, path, "items")


def new_key() -> str:
    """A key for one intention of writing, however often it has to be sent."""
    return str(uuid.uuid4())


def _having(found: Any, path: str, has: str) -> dict[str, Any]:
    if not isinstance(found, dict) or has not in found:
        raise AnswerNotUnderstood(f"{path} answered with JSON that has no {has}.", hint="Is the server of another version?")
    return found


def _line(text: bytes, path: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AnswerNotUnderstood(
            f"{path} answered with a line that is no object of JSON.", hint="Is the server of another version?"
        )
    return found
