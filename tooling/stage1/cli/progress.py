"""Progress of long work on stderr: one line that is written over on a terminal, a line now and then elsewhere."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from stage1 import clock
from stage1.cli import rendering

_ON_A_TERMINAL = 0.2  # seconds between two states of the line
_ELSEWHERE = 30.0  # seconds between two lines of a log


@dataclass(frozen=True)
class _State:
    """How far a piece of work is."""

    what: str
    done: int
    total: int  # 0 while nobody knows


class Progress:
    """Counts the records of several files at once; says how many, how fast, and how long it will take.

    Whoever works may do so in a thread of its own.
    """

    def __init__(self, *, quiet: bool, files: int = 1) -> None:
        self._quiet = quiet
        self._live = not quiet and sys.stderr.isatty()
        self._every = _ON_A_TERMINAL if self._live else _ELSEWHERE
        self._lock = threading.Lock()
        self._started = self._said = clock.monotonic()
        self._shown = False
        self._files = files
        self._finished = 0
        self._at_work: dict[Path | None, _State] = {}
        # Of each step: when the first file came to it, and the records of those that have left it.
        self._begun: dict[str, float] = {}
        self._passed: dict[str, int] = {}

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.clear()

    def of(self, path: Path) -> Callable[[str, int, int], None]:
        """What the work on one of several files tells how far it is."""
        return lambda what, done, total: self.show(what, done, total, path)

    def show(self, what: str, done: int, total: int, path: Path | None = None) -> None:
        """Says how far the work is, unless something was said a moment ago."""
        with self._lock:
            now = clock.monotonic()
            before = self._at_work.get(path)
            if before is not None and before.what != what:
                self._leave(before)
            self._at_work[path] = _State(what, done, total)
            self._begun.setdefault(what, self._started if done else now)
            if self._quiet or now - self._said < self._every:
                return
            self._said = now
            self._say(self._line(now))

    def finish(self, path: Path) -> None:
        """One of the files is through, well or not."""
        with self._lock:
            self._finished += 1
            left = self._at_work.pop(path, None)
            if left is not None:
                self._leave(left)

    def clear(self) -> None:
        """Takes the line away."""
        with self.aside():
            pass

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Other talk has the terminal for itself in this block."""
        with self._lock:
            if self._shown:
                rendering.overwrite("")
                self._shown = False
            yield

    def _leave(self, state: _State) -> None:
        self._passed[state.what] = self._passed.get(state.what, 0) + state.done

    def _line(self, now: float) -> str:
        steps = sorted({state.what for state in self._at_work.values()}, key=self._begun.__getitem__)
        counts = []
        for step in steps:
            done, total = self._sums(step)
            counts.append(f"{step} {done:,}{f' of {total:,}' if total else ''} records")
        # The speed is that of the last step, over all files: a file is through when it has left that.
        rate = (self._passed.get(step, 0) + done) / max(now - self._begun[step], 0.001)
        parts = [*counts, f"{rate:,.0f} a second"]
        if self._files > 1:
            parts.append(f"{self._finished} of {self._files} files")
        if len(steps) == 1 and total and rate and self._finished + len(self._at_work) >= self._files:
            parts.append(f"{_duration((total - done) / rate)} left")
        return ", ".join(parts)

    def _sums(self, step: str) -> tuple[int, int]:
        """Records done and in all of the files at this step; 0 in all where one does not know."""
        states = [state for state in self._at_work.values() if state.what == step]
        total = sum(state.total for state in states) if all(state.total for state in states) else 0
        return sum(state.done for state in states), total

    def _say(self, text: str) -> None:
        if self._live:
            rendering.overwrite(text)
            self._shown = True
        else:
            rendering.say(text)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
