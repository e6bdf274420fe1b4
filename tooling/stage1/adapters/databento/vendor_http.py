"""HTTP with the vendor: one streamed request, what goes wrong with it, and an end to what is too slow.

Owns which failures below HTTP pass. May import clock, errors and vendor_problems; requests and urllib3 are imported when they are
used. Refuses to follow a redirect, since the key goes with it.
"""

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from stage1 import clock
from stage1.adapters.databento.vendor_problems import Passing, refusal
from stage1.errors import VendorRefused

SLOWEST = 4  # times the timeout, for a whole answer to a question and for each piece of a stream
MOST_OF_A_REFUSAL = 1 << 16  # bytes of its body that are looked at
_PIECE = 1 << 18
_TOO_SLOW = "the vendor sends too slowly"

_Answer = TypeVar("_Answer")


class Stream:
    """The body of an answer that is arriving."""

    def __init__(self, response: Any, patience: float) -> None:
        self._response = response
        self._patience = patience  # seconds for a piece
        # Without either of them nobody can tell from HTTP alone whether the end is the end.
        self.tells_its_end = (
            "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "").lower()
        )
        self.warnings = response.headers.get("X-Warning", "")

    def pieces(self) -> Iterator[bytes]:
        """The bytes, in the order in which they come."""
        import urllib3

        with _watched(self._response.raw, self._patience) as watch:
            arriving = self._response.raw.stream(_PIECE, decode_content=False)
            try:
                while (piece := watch.timed(lambda: next(arriving, None))) is not None:
                    yield piece
            except (urllib3.exceptions.HTTPError, OSError) as problem:
                raise Passing(_TOO_SLOW if watch.has_ended else _cut(problem)) from problem
            if watch.has_ended:
                raise Passing(_TOO_SLOW)


class _Watch:
    """Ends a connection on which a piece takes too long: its timeout begins anew with every byte that dribbles in."""

    def __init__(self, raw: Any, seconds: float) -> None:
        self.has_ended = False
        self._raw, self._seconds = raw, seconds
        self._since: float | None = None  # a piece is awaited; nobody is hurried who looks at the last one
        self._over = threading.Event()

    def timed(self, work: Callable[[], _Answer]) -> _Answer:
        """Awaits a piece."""
        self._since = clock.monotonic()
        try:
            return work()
        finally:
            self._since = None

    def run(self) -> None:
        """Looks now and then, until it is over."""
        while not self._over.wait(self._seconds / 8):
            since = self._since
            if since is not None and clock.monotonic() - since > self._seconds:
                self.has_ended = True
                with contextlib.suppress(OSError, ValueError, RuntimeError):  # it ended by itself a moment ago
                    self._raw.shutdown()
                return

    def end(self) -> None:
        """There is nothing to be awaited any more."""
        self._over.set()


@contextlib.contextmanager
def _watched(raw: Any, seconds: float) -> Iterator[_Watch]:
    watch = _Watch(raw, seconds)
    thread = threading.Thread(target=watch.run, name="watch the vendor", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()


def within(seconds: float, work: Callable[[], _Answer]) -> _Answer:
    """The answer of some work that is given up after a while; an answer that dribbles would hold it for ever."""
    found: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def run() -> None:
        try:
            found.put((True, work()))
        except BaseException as problem:  # noqa: BLE001 - raised by whoever waits
            found.put((False, problem))

    threading.Thread(target=run, name="ask the vendor", daemon=True).start()
    try:
        is_answer, answer = found.get(timeout=seconds)
    except queue.Empty:
        raise Passing(_TOO_SLOW) from None
    if not is_answer:
        raise answer
    return cast(_Answer, answer)


@contextlib.contextmanager
def open_stream(url: str, key: str, form: dict[str, Any], timeout: float, what: str) -> Iterator[Stream]:
    """Posts a form and hands out the body that answers it."""
    import requests

    with (
        no_network(),
        contextlib.closing(
            requests.post(
                url,
                data={name: ",".join(value) if isinstance(value, list) else value for name, value in form.items()},
                headers={"Accept-Encoding": "identity"},
                auth=(key, ""),
                timeout=(timeout, timeout),
                stream=True,
                allow_redirects=False,  # nobody else gets the key
            )
        ) as response,
    ):
        if response.status_code not in (200, 206):
            raise _refused(response, what)
        yield Stream(response, SLOWEST * timeout)


def _cut(problem: Exception) -> str:
    slow = "timed out" in str(problem).lower() or isinstance(problem, TimeoutError | socket.timeout)
    return "the vendor stopped sending in the middle" if slow else "the connection was cut in the middle"


@contextlib.contextmanager
def no_network() -> Iterator[None]:
    """Turns what goes wrong below HTTP into something that may pass."""
    import requests

    try:
        yield
    except requests.exceptions.SSLError as problem:
        raise Passing("no secure connection to the vendor could be made (TLS)") from problem
    except requests.exceptions.Timeout as problem:
        raise Passing("the vendor does not answer in time") from problem
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as problem:
        raise Passing("the connection was cut in the middle") from problem
    except requests.exceptions.JSONDecodeError as problem:
        raise Passing("the vendor's answer is no JSON") from problem
    except requests.exceptions.RequestException as problem:
        raise Passing("the vendor cannot be reached") from problem


def _refused(response: Any, what: str) -> Exception:
    if 300 <= response.status_code < 400:
        return VendorRefused(
            f"The vendor's gateway points to another place for {what} (HTTP status {response.status_code}).",
            detail="It is not followed: the key is for the gateway alone.",
            hint="Look at DATABENTO_GATEWAY.",
        )
    text, document = _body(response), None
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(text)
    return refusal(response.status_code, response.headers, document, text.decode(errors="replace"), what)


def _body(response: Any) -> bytes:
    import urllib3

    try:
        text: bytes = response.raw.read(MOST_OF_A_REFUSAL, decode_content=True)
    except (urllib3.exceptions.HTTPError, OSError):
        text = b""  # the status says enough
    return text
