"""The connections of clients: uvicorn's protocol, with bounds where it has none.

Owns how long a connection may stay without a request that is worked on or a client that takes the answer, how large the head
of a request may be, and what stands around the pieces of a body: their extensions, and the headers behind the last one. Bodies
are bounded elsewhere (see `bodies`).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

SECONDS_BETWEEN_REQUESTS = 75
_LARGEST_HEAD = 128 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """A connection that ends where nothing comes or is taken, where a head never ends, and where what was refused goes on."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._patience: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        # A stream, which ends by itself where its client takes nothing for so long, is given the time to say so in the log.
        self._silence = 5 + (self.config.timeout_graceful_shutdown or SECONDS_BETWEEN_REQUESTS)
        # Whether a request has not ended, whether its body went on with what came last, and how much came that was none.
        self._is_in_request, self._has_gone_on, self._bytes_around = False, False, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection: its first request has as long as the pause between two may be."""
        super().connection_made(transport)
        self._watch()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._is_in_request, self._bytes_around = True, 0

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self._has_gone_on = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body came."""
        self._has_gone_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has ended."""
        self._is_in_request = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Something came."""
        self._has_gone_on = False
        super().data_received(data)
        if self.transport.is_closing():
            return
        self._bytes_around = 0 if self._has_gone_on else self._bytes_around + len(data)
        if self._is_in_request and self._bytes_around > _LARGEST_HEAD:
            self.send_400_response("The head or the trailer of the request is too large.")
            return
        self._watch()

    def pause_writing(self) -> None:
        """The client takes less than it is given."""
        super().pause_writing()
        self._look_again(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has taken what there was."""
        self._stop_looking()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._forget()
        self._stop_looking()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._is_worked_on():
            self._forget()
        elif self._patience is None:
            self._patience = self.loop.call_later(SECONDS_BETWEEN_REQUESTS, self._give_up)

    def _is_worked_on(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, whatever its type says
        return cycle is not None and not cycle.response_complete

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if not self._is_worked_on() and not self.transport.is_closing():
            self.transport.close()

    def _look_again(self, left: int) -> None:
        self._taking = self.loop.call_later(self._silence, self._is_taken, left)

    def _is_taken(self, left: int) -> None:
        # Closed in order, it would keep what is left for as long as the client takes nothing.
        now = self.transport.get_write_buffer_size()
        if now >= left:
            self.transport.abort()
        else:
            self._look_again(now)

    def _stop_looking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
