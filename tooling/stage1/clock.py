"""The only place that reads a clock. Everything else is handed a time or asks here, so that tests can say what time it is."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds on a clock that never goes back: for durations and deadlines."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Waits between two polls of a bounded loop."""
    time.sleep(seconds)
