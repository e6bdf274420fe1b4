"""What the tests of the embedded PostgreSQL ask of a server. As root the clusters lie in /var/lib/stage1, since
pytest's folder is closed to others; every server is stopped and deleted by its own object."""

import os
import signal
import sys
from pathlib import Path

import psycopg
import pytest

from stage1 import clock, settings
from stage1.database.embedded import EmbeddedServer

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root runs its server as another user")
SETTINGS = settings.load()


def server_of(project: Path, *, durable: bool = False) -> EmbeddedServer:
    return EmbeddedServer(project, SETTINGS, throwaway=not durable)


def answer(server: EmbeddedServer, query: str, dbname: str = "stage1") -> object:
    with psycopg.connect(**server.conninfo(dbname), connect_timeout=10) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def pid_of(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def kill_and_wait(server: EmbeddedServer) -> None:
    pid = pid_of(server)
    os.kill(pid, signal.SIGKILL)
    deadline = clock.monotonic() + 20
    while server.status().running:
        assert clock.monotonic() < deadline
        clock.pause(0.01)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "stage1", "server", *arguments]
