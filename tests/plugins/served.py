"""The REST server as a process of its own on a free port of loopback, and a small caller that follows nothing by itself.

`served` is one server for all tests of a module, over a clone of the migrated template. `start_server` starts others: over
another database, with other settings, as another role. All are ended by their own process id.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from tests.plugins.databases import Database, a_database

_PATIENCE = 60
_SOON = 10


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


@dataclass
class Served:
    """A server that runs."""

    url: str
    database: Database
    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)  # what it said on stderr
    reader: threading.Thread | None = None
    news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        found = urlsplit(self.url)
        return str(found.hostname), int(found.port or 0)

    def connection(self) -> http.client.HTTPConnection:
        """A connection of the standard library, for several requests or unusual ones."""
        return http.client.HTTPConnection(*self.address, timeout=_PATIENCE)

    def ask(
        self,
        method: str,
        path: str,
        given: object = None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """One request on a connection of its own; `given` is sent as JSON, `body` as it is."""
        sent = dict(headers or {})
        if given is not None:
            body = json.dumps(given).encode()
            sent.setdefault("Content-Type", "application/json")
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        with closing(self.connection()) as connection:
            connection.request(method, path, body=body, headers=sent)
            return answer_of(connection)

    def get(self, path: str, **headers: str) -> Answer:
        """A GET; a keyword is a header, with _ for -."""
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, given: object) -> Answer:
        """A POST of JSON."""
        return self.ask("POST", path, given)

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log so far."""
        return [json.loads(line) for line in list(self.lines) if line.startswith("{")]

    def logged(self, request_id: str) -> dict[str, Any]:
        """The line of the log for a request, as soon as it is written: that is after its answer was sent."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.log() if line.get("request_id") == request_id and "route" in line]

        with self.news:
            assert self.news.wait_for(found, _PATIENCE), f"{request_id} was not logged"
        return found()[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tells it to end, and returns its exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Its exit code, when it has ended and all that it said is read."""
        code = self.process.wait(timeout=_PATIENCE)
        if self.reader is not None:
            self.reader.join(_PATIENCE)
        return code


class StartServer(Protocol):
    """The type of `start_server`."""

    def __call__(self, database: Database, *arguments: str, env: Mapping[str, str] | None = None) -> Served: ...


def answer_of(connection: http.client.HTTPConnection) -> Answer:
    """The answer to the request that was sent on a connection."""
    found = connection.getresponse()
    return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())


def soon(ask: Callable[[], Answer], status: int) -> Answer:
    """The answer once it has that status: for what is promised within seconds, such as the end of a token."""
    deadline = time.monotonic() + _SOON
    while (found := ask()).status != status:
        assert time.monotonic() < deadline, f"still {found.status}: {found.body!r}"
    return found


def _started(folder: Path, database: Database, arguments: tuple[str, ...], env: Mapping[str, str]) -> Served:
    process = subprocess.Popen(
        [sys.executable, "-m", "stage1", "--database", database.url, "serve", "--port", "0", *arguments],
        env={**os.environ, "TMPDIR": str(folder), **env},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    served, listens = Served("", database, process), threading.Event()

    def read() -> None:
        assert process.stderr is not None
        with process.stderr as said:
            for line in said:
                with served.news:
                    served.lines.append(line.rstrip("\n"))
                    served.news.notify_all()
                if line.startswith("listening on "):
                    served.url = line.removeprefix("listening on ").strip()
                    listens.set()
        listens.set()

    served.reader = threading.Thread(target=read, daemon=True)
    served.reader.start()
    listens.wait(_PATIENCE)
    if not served.url:
        _ended(served)
        pytest.fail("\n".join(["the server does not listen:", *served.lines]))
    return served


def _ended(served: Served) -> None:
    if served.process.poll() is None:
        served.process.terminate()
        try:
            served.process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            served.process.kill()
            served.process.wait(timeout=_PATIENCE)
    if served.reader is not None:
        served.reader.join(_PATIENCE)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """`start_server(database, "--host", "0.0.0.0", env={...})`: a server of the test's own."""
    started: list[Served] = []

    def start(database: Database, *arguments: str, env: Mapping[str, str] | None = None) -> Served:
        started.append(_started(tmp_path, database, arguments, env or {}))
        return started[-1]

    yield start
    for served in started:
        _ended(served)


@pytest.fixture(scope="module")
def served(template: Database, server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests of a module, with a database of its own; tests use names of their own in it."""
    with a_database(server_url, template.name) as database:
        found = _started(tmp_path_factory.mktemp("served"), database, (), {})
        try:
            yield found
        finally:
            _ended(found)
