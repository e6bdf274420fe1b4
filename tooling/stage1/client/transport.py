"""HTTP/1.1 to one server: connections that are kept, and the same request again where that is safe.

Owns sockets and headers. Knows nothing of datasets. Refuses an address that is not http or https, and answers that are not
the server's. May be used by many threads: each takes a connection of the pool and gives it back.
"""

import http.client
import json
import os
import socket
import ssl
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote, urlencode, urlsplit

from stage1.client.answers import PIECE, Answer, CutAnswer, said
from stage1.client.problems import AnswerNotUnderstood, ServerUnavailable, problem_in
from stage1.client.retries import PASSING, Retries
from stage1.errors import ArgumentInvalid, UsageRefused

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_KEPT = 32  # connections at rest

Query = Mapping[str, object]


@dataclass(frozen=True)
class Body:
    """What a request carries: bytes, or a file that is read from its beginning in every try."""

    content: bytes | BinaryIO
    length: int
    media_type: str = "application/json"
    encoding: str | None = None

    def close(self) -> None:
        """Gives up the file, if there is one."""
        if not isinstance(self.content, bytes):
            self.content.close()


def json_body(value: object) -> Body:
    """A small body; what is large goes as lines."""
    content = utf8(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    return Body(content, len(content))


def utf8(text: str) -> bytes:
    """A text as it is sent; half of a pair cannot be."""
    try:
        return text.encode()
    except UnicodeEncodeError as problem:
        raise ArgumentInvalid(
            f"A text holds U+{ord(text[problem.start]):04X}, half of a pair without its other half.",
            hint="It was cut, or is not Unicode.",
        ) from None


class _Cut(Exception):
    """The connection ended, or never began; `is_new` tells that nothing of an earlier request was wrong with it."""

    def __init__(self, problem: Exception, *, is_new: bool, was_sent: bool) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.is_new = is_new
        self.was_sent = was_sent


class Transport:
    """A server's address, the token for it, and the connections to it."""

    def __init__(self, url: str, token: str | None, timeout: float, retries: Retries | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
            # The address itself is not repeated: it may hold a password.
            raise UsageRefused(
                "The server's address was not understood; one like http://127.0.0.1:8321 was expected, without a password in it.",
                hint="STAGE1_SERVER, or Client(url=...); a token goes into STAGE1_TOKEN, or Client(token=...).",
            )
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise UsageRefused("The token holds a character that no token has.", hint="Copy it whole: it is one word.")
        try:
            port = parts.port
        except ValueError:
            raise UsageRefused("The port in the server's address is no number from 0 to 65535.", hint="STAGE1_SERVER") from None
        self._host = parts.hostname
        self._port = port
        self._is_secure = parts.scheme == "https"
        self._base = parts.path.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._retries = retries or Retries()
        self._context = ssl.create_default_context() if self._is_secure else None
        self._at_rest: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._is_closed = False
        self.url = f"{parts.scheme}://{parts.netloc}{self._base}"

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str = "application/json",
        is_safe: bool,
        is_streamed: bool = False,
        timeout: float | None = None,
        tries: int | None = None,
    ) -> Answer:
        """The answer, where it is none that refuses. `is_safe`: to do it twice is to do it once."""
        tries = tries or self._retries.tries
        target = self._base + path + (f"?{_query(query)}" if query else "")
        sent = self._headers(body, accept) | dict(headers or {})
        number = stale = slow = 0
        while True:
            try:
                answer = self._exchange(method, target, body, sent, timeout or self._timeout, is_fresh=not is_safe)
                if answer.status < 300 and is_streamed:
                    return answer
                answer.read()
            except CutAnswer:
                number += 1
                if not is_safe or number >= tries:
                    raise
                self._retries.after(number)
                continue
            except _Cut as cut:
                is_slow = isinstance(cut.problem, TimeoutError) and cut.was_sent
                if is_safe and not cut.is_new and not is_slow and stale < _KEPT:
                    stale += 1  # the server closed a connection that was at rest: no failure of this request
                    continue
                number += 1
                slow += is_slow
                if number >= tries or slow > 1 or (cut.was_sent and not is_safe):
                    raise self._unavailable(cut, is_safe=is_safe, tries=number) from cut.problem
                self._retries.after(number)
                continue
            if answer.status < 300:
                return answer
            number += 1
            if not is_safe or answer.status not in PASSING or number >= tries:
                raise self._refusal(answer)
            self._retries.after(number, answer.retry_after)

    def keep(self, connection: http.client.HTTPConnection) -> None:
        """A connection whose answer has been read to its end."""
        with self._lock:
            if len(self._at_rest) < _KEPT and not self._is_closed:
                self._at_rest.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Closes the connections at rest; from here on none is kept."""
        with self._lock:
            self._is_closed = True
            at_rest, self._at_rest = self._at_rest, []
        for connection in at_rest:
            connection.close()

    def _exchange(
        self, method: str, target: str, body: Body | None, headers: Mapping[str, str], timeout: float, *, is_fresh: bool
    ) -> Answer:
        # What must not be sent twice is not sent on a connection that the server may just have closed.
        connection, is_new = self._connection(timeout, is_fresh=is_fresh)
        was_sent = False
        try:
            if is_new:
                connection.connect()
                # Small requests go at once: waiting for more of them costs 40 ms each.
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                connection.sock.settimeout(timeout)
            was_sent = True
            try:
                if body and not isinstance(body.content, bytes):
                    body.content.seek(0)
                connection.request(method, target, body=body.content if body else None, headers=dict(headers))
            except (BrokenPipeError, ConnectionResetError):
                # A server may answer before it has read everything: too large, no token.
                return Answer(self.url, self.keep, connection, connection.getresponse())
            return Answer(self.url, self.keep, connection, connection.getresponse())
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise _Cut(problem, is_new=is_new, was_sent=was_sent) from problem
        except BaseException:
            connection.close()
            raise

    def _connection(self, timeout: float, *, is_fresh: bool) -> tuple[http.client.HTTPConnection, bool]:
        if self._process != os.getpid():
            # A fork: on the connections of the process before, each would read the answers to the other.
            at_rest, self._at_rest = self._at_rest, []
            self._process, self._lock = os.getpid(), threading.Lock()
            for connection in at_rest:
                connection.close()
        with self._lock:
            if self._at_rest and not is_fresh:
                return self._at_rest.pop(), False
        if self._context:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout, context=self._context, blocksize=PIECE
            ), True
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout, blocksize=PIECE), True

    def _headers(self, body: Body | None, accept: str) -> dict[str, str]:
        headers = {"Accept": accept, "X-Request-Id": uuid.uuid4().hex, "User-Agent": "stage1-client"}
        # On one machine, packing takes longer than sending.
        headers["Accept-Encoding"] = "identity" if self._host in _LOOPBACK else "gzip"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body:
            headers |= {"Content-Type": body.media_type, "Content-Length": str(body.length)}
            if body.encoding:
                headers["Content-Encoding"] = body.encoding
        return headers

    def _refusal(self, answer: Answer) -> Exception:
        if answer.status < 400:
            return AnswerNotUnderstood(
                f"{self.url} answered with status {answer.status}, a redirection, which is not followed.",
                hint="Name the address that it leads to: STAGE1_SERVER, or Client(url=...).",
            )
        return problem_in(answer.status, answer.media_type, answer.body, self.url, answer.request_id)

    def _unavailable(self, cut: _Cut, *, is_safe: bool, tries: int) -> ServerUnavailable:
        times = f" in {tries} tries" if tries > 1 else ""
        if not cut.was_sent:
            return ServerUnavailable(
                f"{self.url} cannot be reached{times}: {said(cut.problem)}.",
                hint="Start it with `stage1 serve`, or name another: STAGE1_SERVER, or Client(url=...).",
            )
        done = (
            "Nothing is done twice if you ask again."
            if is_safe
            else "Whether it was done is not known: look before you ask again."
        )
        return ServerUnavailable(f"{self.url} did not answer{times}: {said(cut.problem)}.", hint=done)


def segment(text: str) -> str:
    """A text as one segment of a path; without any it would be another path."""
    if not text:
        raise ArgumentInvalid("A name or an id was empty.")
    # A segment of dots alone would be taken as a step up.
    return quote(utf8(text), safe="") if text.strip(".") else text.replace(".", "%2E")


def _query(query: Query) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return urlencode({name: utf8(value) if isinstance(value, str) else value for name, value in given.items()}, doseq=True)
