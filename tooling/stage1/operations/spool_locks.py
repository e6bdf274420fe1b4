"""The locks on the files of a spool: of one run against another, and of a client that writes.

Owns how long a client is waited for. Knows no names of a spool. Refuses a lock that somebody else holds.
"""

import fcntl
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stage1 import clock
from stage1.errors import LockHeld
from stage1.operations.spool_places import explained

PATIENCE = 10.0  # seconds for a client to write its record
_POLL = 0.02


@contextmanager
def lock_of_run(home: Path) -> Generator[None, None, None]:
    """Keeps other runs off a spool."""
    lock = home / ".lock"
    with explained(lock):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeld(f"Another replay is at work on the spool {home}.", hint="Wait for it to end.") from None
        yield
    finally:
        os.close(descriptor)


def wait_for(descriptor: int, path: Path, deadline: float) -> None:
    """Takes the lock that a client holds while it writes its record; raises when it does not let go of it."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if clock.monotonic() > deadline:
                raise LockHeld(
                    f"A client has held the lock of {path} for {PATIENCE:.0f} seconds.",
                    hint="Nothing was claimed. Run the replay again when the client has written its record.",
                ) from None
        clock.pause(_POLL)


def is_open_elsewhere(descriptor: int) -> bool:
    """Whether anybody else has a file open, who may still write into it."""
    # A lease is given only while nobody else has the file open, and holds whoever opens it until it is closed here. Where there
    # are none (some file systems, systems other than Linux) the days of STAGE1_SPOOL_KEEP are what is left to rely on.
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # one that ends nobody; the usual one would
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
