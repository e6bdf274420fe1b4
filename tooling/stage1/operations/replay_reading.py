"""Reads a spool file into units that are judged, and says what is unfinished at its end.

Owns what becomes of an end that is not finished: in an append file it stays pending, since its client may go on writing; in a
whole file, and in an append file that nobody has written to for as long as the patience of the settings, it is refused, with
its text. Applies nothing and knows no database.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stage1 import clock
from stage1.adapters.postgres_grammar import parse
from stage1.model.replay_rules import Rules, judge_text
from stage1.model.replay_units import Entry, Grouping, Unit
from stage1.model.spool_text import MAX_STATEMENT, Splitter, Statement
from stage1.operations.spool_files import SpoolFile
from stage1.settings import Settings

_NO_SEMICOLON = "the file ends before the semicolon of this statement"
_NO_COMMIT = "the file ends before the COMMIT of its transaction"
_DAY = 86_400.0


class Reading:
    """The units of an open file; afterwards `end` is how far it was read, and `pending` what is not finished yet."""

    def __init__(self, file: SpoolFile, opened: BinaryIO, allowed: Rules, settings: Settings) -> None:
        self._opened = opened
        self._splitter = Splitter(opened)
        self._grouping = Grouping((statement, judge_text(statement, allowed, parse)) for statement in self._splitter)
        self._is_finished = not file.is_append or _is_abandoned(file.path, settings)
        self.pending = ""

    @property
    def end(self) -> int:
        """Where the file ended when it was read."""
        return self._splitter.end

    def __iter__(self) -> Iterator[Unit]:
        yield from self._grouping
        has_tail = self._splitter.tail < self._splitter.end
        if self._is_finished:
            if unfinished := self._grouping.unfinished(_NO_COMMIT):
                yield unfinished
            if has_tail:
                yield self._tail()
        elif has_tail:
            self.pending = f"the statement at byte {self._splitter.tail} has no semicolon yet: it stays pending"
        elif self._grouping.open_at is not None:
            self.pending = f"the transaction that begins at byte {self._grouping.open_at} has no COMMIT yet: it stays pending"

    def _tail(self) -> Unit:
        self._opened.seek(self._splitter.tail)
        text = self._opened.read(MAX_STATEMENT).rstrip()
        statement = Statement(self._splitter.tail, self._splitter.end, text)
        return Unit((Entry(statement.position, statement.sha256, text, _NO_SEMICOLON, is_final=True),))


def judged_again(row: dict[str, object], allowed: Rules) -> Entry:
    """A statement as the ledger has it; the whitelist may have changed since."""
    position, text, known = row["at_byte"], row["statement"], row["sha256"]
    assert isinstance(position, int)  # noqa: S101 - as the column is declared
    assert isinstance(text, str)  # noqa: S101
    assert isinstance(known, bytes)  # noqa: S101
    statement = Statement(position, position, text.encode())
    verdict = judge_text(statement, allowed, parse)
    return Entry(position, known, statement.text, verdict.reason if verdict.kind == "refused" else "")


def _is_abandoned(path: Path, settings: Settings) -> bool:
    age = clock.now().timestamp() - path.stat().st_mtime
    return path.parent.name in ("work", "done") and age > settings.seconds("STAGE1_REPLAY_PATIENCE") * _DAY
