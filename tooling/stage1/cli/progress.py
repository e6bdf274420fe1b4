"""Progress of long work on stderr: one line that is written over on a terminal, a line now and then elsewhere."""

import sys
import threading
from types import TracebackType

from stage1 import clock
from stage1.cli import rendering

_ON_A_TERMINAL = 0.2  # seconds between two states of the line
_ELSEWHERE = 30.0  # seconds between two lines of a log


class Progress:
    """Counts the records of several files at once; says how many, how fast, and how long it will take."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = not quiet and sys.stderr.isatty()
        self._every = _ON_A_TERMINAL if self._live else _ELSEWHERE
        self._lock = threading.Lock()
        self._started = self._said = clock.monotonic()
        self._shown = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.clear()

    def show(self, what: str, done: int, total: int) -> None:
        """Says how far the work is, unless it was said a moment ago."""
        with self._lock:
            now = clock.monotonic()
            if done == 0:
                self._started = now
            if self._quiet or now - self._said < self._every:
                return
            self._said = now
            rate = done / max(now - self._started, 0.001)
            of = f" of {total:,}" if total else ""
            left = f", {_duration((total - done) / rate)} left" if total and rate else ""
            self._say(f"{what} {done:,}{of} records, {rate:,.0f} a second{left}")

    def clear(self) -> None:
        """Takes the line away, so that other talk has the terminal for itself."""
        if self._shown:
            rendering.overwrite("")
            self._shown = False

    def _say(self, text: str) -> None:
        if self._live:
            rendering.overwrite(text)
            self._shown = True
        else:
            rendering.say(text)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
