"""Waiting for the moment in which one session waits for another: asked of the server, never slept for."""

import time
from collections.abc import Callable

import psycopg
import pytest

WaitUntilBlocked = Callable[[psycopg.Connection], None]
_DEADLINE = 20.0


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
