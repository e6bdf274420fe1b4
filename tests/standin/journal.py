"""Who asked for what, and what of it was sent: what a test compares with what was to be paid for.

Holds whether the key was right, never the key.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.standin.answers import span


class Range(NamedTuple):
    """Records of some symbols in [start, end), which are nanoseconds since 1970."""

    dataset: str
    schema: str
    symbols: frozenset[str]
    start: int
    end: int

    def common(self, other: "Range") -> "Range | None":
        """What is in both."""
        symbols, start, end = self.symbols & other.symbols, max(self.start, other.start), min(self.end, other.end)
        if (self.dataset, self.schema) != (other.dataset, other.schema) or not symbols or start >= end:
            return None
        return Range(self.dataset, self.schema, symbols, start, end)


@dataclass
class Entry:
    """One request; `whole` says that the true body was sent to its end, and that nobody broke off while it was under way."""

    endpoint: str
    form: Mapping[str, str]
    authorised: bool
    fault: str | None = None
    status: int | None = None
    bytes_sent: int = 0
    whole: bool = False

    @property
    def range(self) -> Range:
        """What a request for records asked."""
        symbols = frozenset(self.form["symbols"].split(","))
        return Range(self.form["dataset"], self.form.get("schema", "trades"), symbols, *span(self.form))


@dataclass
class Journal:
    """All requests, in the order in which they came; they are written from many threads."""

    _entries: list[Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def write(self, entry: Entry) -> None:
        """A request has come."""
        with self._lock:
            self._entries.append(entry)

    def entries(self, endpoint: str | None = None) -> list[Entry]:
        """The requests, of one endpoint or all."""
        with self._lock:
            return [entry for entry in self._entries if endpoint in (None, entry.endpoint)]

    def downloads(self) -> list[Entry]:
        """The requests for records: what the vendor sends a bill for."""
        return self.entries("timeseries.get_range")

    def asked_twice(self) -> list[Range]:
        """What was asked for after it had been sent whole."""
        sent: list[Range] = []
        twice: list[Range] = []
        for entry in self.downloads():
            if entry.status in (401, 403, 422):
                continue  # it may not even name a range, and costs nothing
            asked = entry.range
            twice += [common for earlier in sent if (common := earlier.common(asked))]
            if entry.whole:
                sent.append(asked)
        return twice

    def clear(self) -> None:
        """Forgets: what a second run asks is a question of its own."""
        with self._lock:
            self._entries.clear()
