"""What may be asked again, and when.

Owns the rule: a request is sent again only where doing it twice is doing it once, after a pause that doubles, or that the
server names. Imports the clock alone.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

from stage1 import clock

PASSING = frozenset({408, 425, 429, 502, 503, 504})  # statuses of a server that may answer in a moment
_LONGEST_PAUSE = 60.0


@dataclass
class Retries:
    """How often and after which pauses a request is tried again; `pause` is the clock's, or a test's."""

    tries: int = 5
    first_pause: float = 0.2
    pause: Callable[[float], None] = clock.pause
    spread: Callable[[], float] = field(default=random.random)

    def after(self, number: int, retry_after: str | None = None) -> None:
        """Waits before the try that follows the `number`-th, counted from 1."""
        named = seconds_of(retry_after)
        if named is None:
            # Spread out, so that clients who failed together do not come back together.
            named = self.first_pause * 2 ** (number - 1) * (0.5 + self.spread() / 2)
        self.pause(min(named, _LONGEST_PAUSE))


def seconds_of(retry_after: str | None) -> float | None:
    """A Retry-After, as seconds or as a date; None where there is none that can be read."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - clock.now()).total_seconds())
