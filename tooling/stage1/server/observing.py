"""Around every request: its id, its line in the log, its figures, and the answer where something breaks.

Owns the outermost middleware. Route templates alone are logged and counted; neither addresses nor query strings nor tokens.
"""

import logging
import re
import uuid
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stage1 import clock
from stage1.server import logs, problems
from stage1.server.metrics import Metrics

_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOWHERE = "(none)"
_CLIENT_WENT = 499  # as other servers note it; nobody reads that answer

_requests = logging.getLogger(logs.REQUESTS)
_log = logging.getLogger("stage1.server")


class _HeadSent(OSError):
    """The head of an answer has been sent, and no more was asked for."""


class _Exchange:
    """One request and its answer, as they pass."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.method: str = scope["method"]
        self.status = 0
        self.received = self.sent = 0
        self.is_read = self.head_is_sent = False
        headers = {name: value for name, value in scope["headers"] if name in (b"x-request-id", b"expect")}
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        self.id = given if _SANE.fullmatch(given) else uuid.uuid4().hex
        self._waits_for_a_word = b"expect" in headers

    async def receive(self) -> Message:
        """The next part of the request."""
        self.is_read = True
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), (b"x-request-id", self.id.encode())]
            if self._waits_for_a_word and not self.is_read:
                # Whether the body follows is up to the client now; what follows must not be taken for another request.
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        elif self.method == "HEAD":
            if self.head_is_sent:
                raise _HeadSent
            self.head_is_sent = True
            message = {"type": message["type"], "body": b"", "more_body": False}
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)


class Observing:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        state = scope.setdefault("state", {})
        state["request_id"] = exchange.id
        # An answer to HEAD is that to GET without its body.
        inner: Scope = {**scope, "method": "GET"} if exchange.method == "HEAD" else scope
        started = clock.monotonic()
        self._metrics.in_flight.inc()
        try:
            await self._guarded(inner, exchange)
        finally:
            self._metrics.in_flight.dec()
            self._note(inner, exchange, clock.monotonic() - started)

    async def _guarded(self, scope: Scope, exchange: _Exchange) -> None:
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = exchange.status or _CLIENT_WENT
        except Exception as problem:
            if exchange.head_is_sent:
                return
            _log.error("an unexpected error", exc_info=problem, extra={"request_id": exchange.id})
            if exchange.status:
                raise  # in the middle of an answer: the connection ends uncleanly, so that the client notices
            await problems.answer_to_a_bug(scope)(scope, exchange.receive, exchange.send)

    def _note(self, scope: Scope, exchange: _Exchange, seconds: float) -> None:
        route: Any = scope.get("route")
        template = getattr(route, "path", None) or _NOWHERE
        self._metrics.note(template, exchange.method, exchange.status, seconds, exchange.received, exchange.sent)
        caller = scope["state"].get("caller")
        _requests.info(
            "",
            extra={
                "request_id": exchange.id,
                "method": exchange.method,
                "route": template,
                "status": exchange.status,
                "milliseconds": round(seconds * 1000, 1),
                "received": exchange.received,
                "sent": exchange.sent,
                "caller": caller.name if caller else None,
            },
        )
