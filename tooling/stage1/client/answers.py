"""An answer of the server: read in pieces, unpacked, and never taken for whole where it is not.

Owns the end of an answer: whether all of it came, and whether its connection can be used again.
"""

import http.client
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from stage1.client.problems import ServerUnavailable, not_understood
from stage1.errors import Stage1Error

PIECE = 1 << 16

Keep = Callable[[http.client.HTTPConnection], None]


class CutAnswer(ServerUnavailable):
    """The server did not finish its answer."""


class Answer:
    """An answer; one that is streamed is closed by whoever does not read it to its end."""

    def __init__(self, url: str, keep: Keep, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._url = url
        self._keep = keep
        self._connection: http.client.HTTPConnection | None = connection
        self._response = response
        self.status = response.status
        self.media_type = (response.headers.get("content-type") or "").split(";")[0].strip().lower()
        self.request_id = response.headers.get("x-request-id") or ""
        self.retry_after = response.headers.get("retry-after")
        self.body = b""

    def pieces(self) -> Iterator[bytes]:
        """The body, decompressed, piece by piece; an answer that is cut raises."""
        is_packed = (self._response.headers.get("content-encoding") or "").strip().lower() == "gzip"
        unpack = zlib.decompressobj(31) if is_packed else None
        try:
            while piece := self._response.read1(PIECE) if self._response.chunked else self._response.read(PIECE):
                if found := unpack.decompress(piece) if unpack else piece:
                    yield found
            if unpack and (not unpack.eof or unpack.unused_data):
                raise http.client.IncompleteRead(b"")
            if self._response.length:  # http.client says nothing where a Content-Length was not reached piece by piece
                raise http.client.IncompleteRead(b"", self._response.length)
        except (OSError, http.client.HTTPException, zlib.error) as problem:
            raise CutAnswer(
                f"The answer of {self._url} was cut: {said(problem)}.", hint="Ask again; what was read is not all."
            ) from problem
        else:
            self._give_back()
        finally:
            self.close()

    def read(self) -> None:
        """Reads all of it into `body`."""
        self.body = b"".join(self.pieces())

    def json(self) -> Any:
        """The body as JSON."""
        try:
            if self.media_type != "application/json":
                raise ValueError
            return json.loads(self.body)
        except ValueError:
            raise self.not_understood() from None

    def not_understood(self) -> Stage1Error:
        """The error of an answer that is none of ours."""
        return not_understood(self.status, self.media_type, self.body, self._url)

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _give_back(self) -> None:
        if self._connection and not self._response.will_close:
            self._keep(self._connection)
            self._connection = None


def said(problem: Exception) -> str:
    """Why a connection failed, as a part of a sentence."""
    if isinstance(problem, TimeoutError):
        return "the time was up"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return str(problem) or type(problem).__name__
