"""Waiting for the moment in which one session waits for another: asked of the server, never slept for."""

import time
from collections.abc import Callable

import psycopg
import pytest

from tests.plugins.databases import Database

WaitUntilBlocked = Callable[[psycopg.Connection], None]
WaitUntilSomebodyIsBlocked = Callable[..., None]
_DEADLINE = 60.0


@pytest.fixture
def wait_until_blocked(server_url: str) -> WaitUntilBlocked:
    """Returns when the session of the given connection waits for a lock."""

    def wait(connection: psycopg.Connection) -> None:
        pid = connection.info.backend_pid
        deadline = time.monotonic() + _DEADLINE
        with psycopg.connect(server_url, autocommit=True) as observer:
            while time.monotonic() < deadline:
                found = observer.execute("select wait_event_type from pg_stat_activity where pid = %s", [pid]).fetchone()
                if found and found[0] == "Lock":
                    return
        raise AssertionError(f"session {pid} was never blocked")

    return wait


@pytest.fixture
def wait_until_somebody_is_blocked(server_url: str) -> WaitUntilSomebodyIsBlocked:
    """Returns when that many sessions of a database wait for a lock, whoever they are: those of a command, for example."""

    def wait(database: Database, sessions: int = 1) -> None:
        waits = "select count(*) from pg_stat_activity where datname = %s and wait_event_type = 'Lock'"
        deadline = time.monotonic() + _DEADLINE
        with psycopg.connect(server_url, autocommit=True) as observer:
            while time.monotonic() < deadline:
                found = observer.execute(waits, [database.name]).fetchone()
                if found and found[0] >= sessions:
                    return
        raise AssertionError(f"no {sessions} sessions of {database.name} were ever blocked")

    return wait
