"""A server that answers as it is told: for what a real one does only when it is in trouble."""

import gzip
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from stage1.client.experiments import Experiment, experiment_at
from stage1.client.requests import Requests
from stage1.client.retries import Retries
from stage1.client.running import carried_out, planned
from stage1.client.transport import Transport

if TYPE_CHECKING:
    from tests.unit.client.experiment_server import ExperimentServer


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def lines(self) -> list[Any]:
        """The lines of a packed body."""
        return [json.loads(line) for line in gzip.decompress(self.body).splitlines()]

    def json(self) -> Any:
        packed = self.headers.get("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if packed else self.body)


Reply = Callable[[BaseHTTPRequestHandler, Asked], None]


def reply(status: int = 200, value: Any = None, *, media_type: str = "application/json", **headers: str) -> Reply:
    """A whole answer."""

    def send(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        content = value if isinstance(value, bytes) else json.dumps({} if value is None else value).encode()
        handler.send_response(status)
        for name, text in {"content-type": media_type, "content-length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), text)
        handler.end_headers()
        handler.wfile.write(content)

    return send


def cut(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
    """No answer."""
    handler.close_connection = True


def raw(content: bytes) -> Reply:
    """Bytes as they are, and the end."""

    def send(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        handler.wfile.write(content)
        handler.close_connection = True

    return send


@dataclass
class Scripted:
    """The server, what it shall answer next, and what it was asked."""

    url: str
    replies: deque[Reply] = field(default_factory=deque)
    otherwise: Reply | None = None
    asked: list[Asked] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    connections: int = 0
    transports: list[Transport] = field(default_factory=list)

    def transport(self, token: str | None = None, timeout: float = 60.0, **options: Any) -> Transport:
        """A transport that notes its pauses instead of making them."""
        made = Transport(self.url, token, timeout, Retries(pause=self.pauses.append, spread=lambda: 1.0, **options))
        self.transports.append(made)
        return made

    def requests(self) -> Requests:
        return Requests(self.transport(), 60.0)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    found = Scripted("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one packet, or else the next one waits for its acknowledgement

        def setup(self) -> None:
            super().setup()
            found.connections += 1

        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): text for name, text in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(length))
            found.asked.append(asked)
            next_reply = found.replies.popleft() if found.replies else found.otherwise
            assert next_reply, f"nobody said what to answer to {self.path}"
            next_reply(self, asked)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - as the standard library looks for them

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None: ...

    with Server(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield found
        for transport in found.transports:
            transport.close()
        server.shutdown()
        thread.join(10)


@pytest.fixture
def server(scripted: Scripted) -> "ExperimentServer":
    """An experiment that the scripted server has."""
    from tests.unit.client.experiment_server import ExperimentServer

    scripted.otherwise = found = ExperimentServer()
    return found


@pytest.fixture
def run(scripted: Scripted, server: "ExperimentServer") -> Callable[..., Experiment]:
    """`run(task, evaluators, concurrency=...)`: that experiment, run or gone on with."""
    from tests.unit.client.experiment_server import EXPERIMENT

    usual = {"concurrency": 4, "retries": 0, "timeout": None, "progress": None, "on_conflict": "refuse"}

    def run(task: Any, evaluators: Any = (), **options: Any) -> Experiment:
        requests = scripted.requests()
        plan = planned(requests, task, evaluators, **{**usual, **options})
        experiment = experiment_at(requests, EXPERIMENT)
        return carried_out(plan, experiment.begun() if plan.on_conflict == "refuse" else experiment)

    return run
