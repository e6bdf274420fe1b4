"""Groups the statements of a spool file into units: what is applied as a whole or not at all.

A statement alone is a unit; those between BEGIN and COMMIT are one. ROLLBACK withdraws a unit, as the client meant it, and a
refused statement takes the rest of its unit along. Owns no rule about what is refused, but for how large a unit may be.
Imports model alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from stage1.model.replay_rules import Verdict
from stage1.model.spool_text import Statement

MAX_UNIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Entry:
    """One statement with its place in the ledger; with the reason, if it is refused, and whether that is for ever."""

    position: int
    sha256: bytes
    text: bytes
    refusal: str = ""
    is_final: bool = False

    @property
    def readable(self) -> str:
        """The text as the ledger can store it; what is no UTF-8 is escaped."""
        return self.text.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


@dataclass(frozen=True)
class Unit:
    """Statements that are applied together."""

    entries: tuple[Entry, ...]

    @property
    def position(self) -> int:
        """What the unit is known by: the position of its first statement."""
        return self.entries[0].position

    @property
    def is_refused(self) -> bool:
        """Whether a statement of it is refused, and so all of them."""
        return any(entry.refusal for entry in self.entries)

    @property
    def is_final(self) -> bool:
        """Whether it can never be tried again: not all of it is there as it was meant, or can be kept."""
        return any(entry.is_final or entry.readable.encode() != entry.text for entry in self.entries)

    def refused(self, reason: str) -> "Unit":
        """The same unit, refused for ever."""
        return Unit(tuple(replace(each, refusal=each.refusal or reason, is_final=True) for each in self.entries))


class Grouping:
    """Iterates over the units of judged statements; afterwards `open_at` is where a BEGIN stands whose COMMIT has not come."""

    def __init__(self, judged: Iterable[tuple[Statement, Verdict]], max_unit: int = MAX_UNIT) -> None:
        self._judged = judged
        self._max_unit = max_unit
        self._entries: list[Entry] = []
        self._bytes = 0
        self._is_too_large = False
        self.open_at: int | None = None

    def __iter__(self) -> Iterator[Unit]:
        for statement, verdict in self._judged:
            if verdict.kind == "begin":
                # Whoever wrote the first BEGIN died before its COMMIT, and went on writing later.
                if torn := self.unfinished(
                    f"another BEGIN, at byte {statement.position}, stands before the COMMIT of its transaction"
                ):
                    yield torn
                self._begin(statement.position)
            elif verdict.kind in ("commit", "rollback"):
                if self._entries and verdict.kind == "commit":
                    yield self._taken()
                self._begin(None)
            else:
                is_final = statement.torn or statement.too_large
                self._entries.append(Entry(statement.position, statement.sha256, statement.text, verdict.reason, is_final))
                self._bytes += len(statement.text)
                self._is_too_large = self._is_too_large or self._bytes > self._max_unit
                if self.open_at is None or self._bytes > self._max_unit:
                    yield self._taken()

    def unfinished(self, reason: str) -> Unit | None:
        """The statements behind a BEGIN without COMMIT as a refused unit: for a file that nobody goes on writing."""
        return Unit(tuple(self._entries)).refused(reason) if self._entries else None

    def _begin(self, position: int | None) -> None:
        self._entries, self._bytes, self._is_too_large, self.open_at = [], 0, False, position

    def _taken(self) -> Unit:
        """What was gathered; one that is too large comes in pieces, all of them refused."""
        unit = Unit(tuple(self._entries))
        self._entries, self._bytes = [], 0
        if self.open_at is not None and self._is_too_large:
            return unit.refused(f"its transaction, which begins at byte {self.open_at}, has more than {self._max_unit:,} bytes")
        refused = next((entry for entry in unit.entries if entry.refusal), None)
        if refused is None:
            return unit
        reason = f"another statement of its transaction, at byte {refused.position}, is refused"
        return Unit(tuple(replace(entry, refusal=entry.refusal or reason) for entry in unit.entries))
