"""Answers: our rows as JSON that keeps every digit, streams in bounded memory, and which form a client asked for.

Owns the JSON form of each kind of value: whole numbers as they are, prices as decimal strings, times in UTC with a Z, documents
of the database as their own text. Imports starlette and model; refuses a value without a form, and an Accept header that
names none of the forms there are.
"""

from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring  # C where there is one
from typing import Any, Final
from uuid import UUID

import anyio
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stage1.errors import AnswerUnsupported
from stage1.model.json_text import JsonText

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
ARROW: Final = "application/vnd.apache.arrow.stream"

_WITHOUT_OFFSET = "+00:00"


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A whole answer in JSON, with its length."""
    return Response(json_bytes(value), status, headers, JSON)


def json_bytes(value: object) -> bytes:
    """A value as JSON in UTF-8."""
    return json_text(value).encode()


def json_text(value: object) -> str:
    """A value as JSON; what PostgreSQL wrote as JSON stands in it as it is."""
    write = _WRITERS.get(type(value))
    return write(value) if write else _of_a_kin(value)


def time_text(moment: datetime) -> str:
    """A time as RFC 3339 in UTC; microseconds where there are some."""
    return f"{moment.astimezone(UTC).isoformat().removesuffix(_WITHOUT_OFFSET)}Z"


def accepted(request: Request, offered: tuple[str, ...]) -> str:
    """The form that the client likes best of those that are offered, the first of them where it likes several."""
    headers = request.headers.getlist("accept")
    if not any(header.strip() for header in headers):
        return offered[0]
    ranges = [_range(part) for header in headers for part in header.split(",") if part.strip()]
    liking = {form: _liking(form, ranges) for form in offered}
    best = max(liking.values())
    if best <= 0:
        raise AnswerUnsupported(
            f"The answer is there as {', '.join(offered)}; none of them is in the header Accept.", hint=f"Accept: {offered[0]}"
        )
    return next(form for form in offered if liking[form] == best)


class Stream(Response):
    """Blocks of bytes, sent as they come: the next one is asked for when the client has taken the one before.

    The first block is there before the answer begins, so that what fails at once is a problem like any other. What fails later
    ends the connection without the end that HTTP has for an answer: the client sees that it is not whole. The blocks are closed,
    and with them the connection to the database, when the client goes away, or takes nothing for `patience` seconds.
    """

    def __init__(
        self, blocks: Generator[bytes, None, None], media_type: str, patience: float, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self._patience = patience
        self._blocks = blocks
        self._first = next(blocks, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the form of ASGI
        """Sends the answer."""
        failure: Exception | None = None
        async with anyio.create_task_group() as group, _closed(self._blocks):

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(watch)
            try:
                await self._send(send)
            except Exception as problem:  # noqa: BLE001 - raised below, out of the group, which would wrap it
                failure = problem
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        block = self._first
        while block is not None:
            try:
                with anyio.fail_after(self._patience):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
            except TimeoutError:
                raise ClientDisconnect from None
            block = await run_sync(next, self._blocks, None)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def _closed(blocks: Generator[bytes, None, None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(blocks.close)


@lru_cache(maxsize=4096)
def _key(name: str) -> str:
    return f"{encode_basestring(name)}:"


def _of_dict(row: dict[str, Any]) -> str:
    return f"{{{','.join([_key(name) + json_text(value) for name, value in row.items()])}}}"


def _of_list(values: list[Any] | tuple[Any, ...]) -> str:
    return f"[{','.join([json_text(value) for value in values])}]"


def _of_float(number: float) -> str:
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"{number} has no form in JSON")
    return repr(number)


_WRITERS: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: str,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
    float: _of_float,
    dict: _of_dict,
    list: _of_list,
    tuple: _of_list,
    JsonText: lambda document: document.text,
    Decimal: lambda number: f'"{number:f}"',
    datetime: lambda moment: f'"{time_text(moment)}"',
    date: lambda day: f'"{day.isoformat()}"',
    UUID: lambda identifier: f'"{identifier}"',
}


def _of_a_kin(value: object) -> str:
    for kind in (str, datetime, date, Decimal, dict, list, tuple, JsonText, UUID):
        if isinstance(value, kind):
            return _WRITERS[kind](value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _range(text: str) -> tuple[str, float]:
    """A range of media types and how much it is liked; one that cannot be read is not liked."""
    media, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return media, 0.0
    return media, quality if 0 <= quality <= 1 else 0.0


def _liking(form: str, ranges: list[tuple[str, float]]) -> float:
    """What the most exact range that holds the form says of it."""
    for wanted in (form, f"{form.partition('/')[0]}/*", "*/*"):
        found = [quality for media, quality in ranges if media == wanted]
        if found:
            return max(found)
    return 0.0
