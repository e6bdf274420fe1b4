"""The process that serves: where it listens, and how it ends.

Owns the socket and the signals. The first SIGTERM or SIGINT lets no new request in and finishes what runs; a second one ends
the process at once, and the database undoes what was not committed. Refuses an address that others can reach while no token
is in force.
"""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from types import FrameType

import uvicorn

from stage1.database.targets import Target
from stage1.errors import AddressUnusable, ExitCode, TokenRequired, UsageRefused
from stage1.operations import tokens
from stage1.operations.readiness import check_ready
from stage1.server import logs
from stage1.server.application import create_application
from stage1.server.connections import SECONDS_BETWEEN_REQUESTS, BoundedProtocol
from stage1.settings import Settings

_WAITING_CONNECTIONS = 1024
_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Address:
    """Where the server listens."""

    host: str
    port: int
    is_loopback: bool
    socket: socket.socket

    @property
    def url(self) -> str:
        """As a client writes it."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def serve(target: Target, settings: Settings, host: str | None, port: int | None, say: Callable[[str], None]) -> int:
    """Serves until it is told to end; returns the exit code of the process."""
    host = host or settings.text("STAGE1_SERVE_HOST")
    port = settings.count("STAGE1_SERVE_PORT") if port is None else port
    check_ready(target, settings)
    with contextlib.closing(_bound(host, port)) as listening:
        address = Address(host, listening.getsockname()[1], _is_loopback(listening), listening)
        if not address.is_loopback and not tokens.any_token_in_force(target, settings):
            raise TokenRequired(
                f"{host} can be reached from other machines, and no token is in force: whoever reaches it could write.",
                hint="Make one (`stage1 tokens create NAME --write`), or listen on 127.0.0.1.",
            )
        application = create_application(target, settings, host=host, is_loopback=address.is_loopback)
        logs.install(settings, target.secrets(settings))
        patience = settings.count("STAGE1_REQUEST_TIMEOUT")
        server = _Server(
            uvicorn.Config(
                application,
                http=BoundedProtocol,
                ws="none",
                loop="uvloop",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_WAITING_CONNECTIONS,
                timeout_keep_alive=SECONDS_BETWEEN_REQUESTS,
                timeout_graceful_shutdown=patience,
            ),
            lambda: say(f"listening on {address.url}"),
        )
        server.run(sockets=[listening])
    if not server.is_done:
        # Threads still work for requests that were given up; nobody waits for these.
        _end_at_once()
    say("stopped")
    return ExitCode.DONE


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, when_it_listens: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_it_listens = when_it_listens
        self.is_done = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_it_listens()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self.is_done = not self.server_state.tasks

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but that a signal that was obeyed is not raised once more afterwards."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Ends after what runs; told twice, at once."""
        if self.should_exit:
            _end_at_once()
        self.should_exit = True


def _end_at_once() -> None:
    sys.stderr.flush()
    os._exit(ExitCode.INTERRUPTED)


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _HIGHEST_PORT:
        raise UsageRefused(f"The port was {port}; a number from 0 to {_HIGHEST_PORT} was expected.", hint="0 takes any free one.")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as problem:
        raise AddressUnusable(f"{host!r} is no address of this machine: {_reason(problem)}.") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        # Another process may have bound the port without listening yet.
        listening.listen(_WAITING_CONNECTIONS)
    except OSError as problem:
        listening.close()
        raise AddressUnusable(
            f"Port {port} of {host} cannot be listened on: {_reason(problem)}.",
            hint="Another server may run there; --port or STAGE1_SERVE_PORT names another port.",
        ) from None
    return listening


def _is_loopback(listening: socket.socket) -> bool:
    return ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def _reason(problem: OSError | UnicodeError) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
