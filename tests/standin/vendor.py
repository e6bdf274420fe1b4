"""The HTTP server: the vendor's endpoints on a port of 127.0.0.1, for as long as a `with` block lasts.

Owns the socket, the threads, the key and the framing of answers. What goes wrong inside it is raised where the block ends.
"""

import json
import socket
import struct
import threading
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.standin import refusals
from tests.standin.answers import Service
from tests.standin.faults import LIMIT, Answer, Fault, Faults
from tests.standin.journal import Entry, Journal
from tests.standin.market import Market
from tests.standin.refusals import Refusal

# Lingering for no second makes a close a RST.
_RESET = struct.pack("ii", 1, 0)

KEY = "db-StandInKeyThatOpensNothing000"

_POST = {
    "timeseries.get_range",
    "metadata.get_record_count",
    "metadata.get_billable_size",
    "metadata.get_cost",
    "symbology.resolve",
}
_GET = {"metadata.get_dataset_range", "metadata.get_dataset_condition", "metadata.list_datasets", "metadata.list_schemas"}


class Vendor:
    """`with Vendor() as vendor:` serves at `vendor.address` to who has `vendor.key`."""

    def __init__(
        self, market: Market | None = None, *, key: str = KEY, port: int = 0, piece: int = 128 * 1024, **service: Any
    ) -> None:
        self.service = Service(market or Market(), **service)
        self.faults = Faults()
        self.journal = Journal()
        self.key = key
        self.piece = piece
        self.errors: list[BaseException] = []
        self._server = _Server(self, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="stand-in vendor")

    @property
    def address(self) -> str:
        """The gateway to give to a client."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._server.shutdown()
        self.faults.open_gates()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join(LIMIT)
        if self.errors and kind is None:
            raise self.errors[0]

    def answer(self, entry: Entry, fault: Fault | None) -> Answer:
        """What a request gets; refusals are raised."""
        if not entry.authorised:
            raise refusals.wrong_key()
        if fault and fault.refusal:
            raise fault.refusal
        form = {**entry.form, **(fault.form if fault else {})}
        if entry.endpoint == "timeseries.get_range":
            asked = self.service.ask(form)
            status = 206 if asked.partial or asked.not_found else 200
            answer = Answer(status, asked.frames(), {"Content-Type": "application/octet-stream"})
        else:
            found = getattr(self.service, entry.endpoint.partition(".")[2])(form)
            status = 206 if isinstance(found, dict) and found.get("status") == 1 else 200
            answer = _json(status, json.dumps(found).encode())
        if fault:
            fault.change(answer)
        return answer


def _json(status: int, body: bytes) -> Answer:
    return Answer(status, [body], {"Content-Type": "application/json"}, framing="length")


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that it can end them, and waits for its threads."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, vendor: Vendor, port: int) -> None:
        self.vendor = vendor
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET)) == _RESET:
            self.close_request(request)  # a FIN before it would be an end in good order
        else:
            super().shutdown_request(request)

    def close_connections(self) -> None:
        """Ends what the clients left open."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # the client may have closed it
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    entry: Entry | None = None
    reset = False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Silent: the journal is the log."""

    def handle(self) -> None:
        try:
            super().handle()
            self._wait_for_the_clients_end()
        except OSError:
            # The client broke off before it had read all of the last answer: that did not arrive whole.
            if self.entry:
                self.entry.whole = False
        except Exception as error:  # noqa: BLE001 - raised in the test's own thread, at the end of its block
            self.server.vendor.errors.append(error)

    def _wait_for_the_clients_end(self) -> None:
        if not self.reset:
            with suppress(OSError):  # the client, or the end of the server, may have been faster
                self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(4096):
                pass

    def do_GET(self) -> None:
        self._serve(_GET, urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._serve(_POST, self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def _serve(self, endpoints: set[str], form: str) -> None:
        vendor = self.server.vendor
        endpoint = urlsplit(self.path).path.removeprefix("/v0/")
        right = f"Basic {b64encode(f'{vendor.key}:'.encode()).decode()}"
        entry = Entry(endpoint, dict(parse_qsl(form)), self.headers.get("Authorization") == right)
        vendor.journal.write(entry)
        self.entry = entry
        fault = vendor.faults.take(endpoint, entry.form)
        entry.fault = fault.name if fault else None
        try:
            if endpoint not in endpoints:
                raise Refusal(404, "not_found", f"The stand-in has no {self.command} {endpoint}.")
            answer = vendor.answer(entry, fault)
        except Refusal as refusal:
            answer = replace(_json(refusal.status, refusal.body), headers=dict(refusal.headers), true=False)
        self._send(answer, entry)

    def _send(self, answer: Answer, entry: Entry) -> None:
        if answer.stalled and answer.gate:
            answer.gate.take(0)
        if answer.framing == "length":
            answer.body = [b"".join(answer.body)]
            answer.headers["Content-Length"] = str(len(answer.body[0]))
        elif answer.framing == "chunked":
            answer.headers["Transfer-Encoding"] = "chunked"
        else:
            answer.headers["Connection"] = "close"
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        entry.status = answer.status
        for piece in _pieces(answer.body, self.server.vendor.piece):
            if not self._send_piece(piece, answer, entry):
                self._break_off(answer)
                return
        if answer.cut_at is not None:
            raise ValueError(f"a fault is to cut at byte {answer.cut_at}, but the body has only {entry.bytes_sent}")
        if answer.framing == "chunked":
            self.wfile.write(b"0\r\n\r\n")
        entry.whole = answer.true

    def _send_piece(self, piece: bytes, answer: Answer, entry: Entry) -> bool:
        """Sends a piece of the body; false says that the connection is to end before it, or inside it."""
        if answer.framing == "chunked":
            self.wfile.write(f"{len(piece):x}\r\n".encode())
        left = piece if answer.cut_at is None else piece[: answer.cut_at - entry.bytes_sent]
        cut = len(left) < len(piece)
        while left:
            count = answer.gate.take(len(left)) if answer.gate else len(left)
            self.wfile.write(left[:count])
            entry.bytes_sent += count
            left = left[count:]
        if answer.framing == "chunked" and not cut:
            self.wfile.write(b"\r\n")
        return not cut

    def _break_off(self, answer: Answer) -> None:
        self.close_connection = True
        if answer.reset:
            self.reset = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _pieces(frames: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of one size, which has nothing to do with the frames."""
    held = bytearray()
    for frame in frames:
        held += frame
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
