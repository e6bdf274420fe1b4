"""What there is of each symbol, and what is missing between its bars.

Owns the counts, spans and gaps of the bars that were accepted. Imports numpy and model.bars; sees each symbol's bars in
the order of their time, in as many parts as one likes, and keeps one line a symbol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from stage1.model.bar_rejects import moment
from stage1.model.bars import NANOSECONDS_A_MINUTE, SymbolSpan


@dataclass(frozen=True, slots=True)
class Gap:
    """Minutes without a bar: from the first of them until the next bar."""

    symbol: str
    minutes: int
    start: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Gaps:
    """The spacings of more than a minute between two bars of a symbol. A minute without a trade has no bar: no error."""

    count: int
    missing_minutes: int
    longest: Gap | None

    def __str__(self) -> str:
        if self.longest is None:
            return "none"
        longest = self.longest
        return (
            f"{self.count:,}, {self.missing_minutes:,} min in all; the longest: {longest.symbol}, {longest.minutes:,} min"
            f" from {longest.start:%Y-%m-%d %H:%MZ} until {longest.until:%Y-%m-%d %H:%MZ}"
        )


class Spans:
    """Counts accepted bars by symbol."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._count = np.zeros(len(names), np.int64)
        self._first = np.zeros(len(names), np.uint64)
        self._last = np.zeros(len(names), np.uint64)
        self._gaps = 0
        self._missing = 0
        self._longest: tuple[int, int, int] | None = None  # minutes, minus the last bar before, minus the symbol's code

    def add(self, codes: NDArray[np.int32], ts: NDArray[np.uint64]) -> None:
        """Adds bars sorted by symbol, then time; none is earlier than what was added of its symbol before."""
        if not len(codes):
            return
        head = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
        tail = np.append(head[1:], len(codes)) - 1
        symbols = codes[head]
        before = np.empty_like(ts)
        before[1:] = ts[:-1]
        is_new = self._count[symbols] == 0
        before[head] = np.where(is_new, ts[head], self._last[symbols])
        self._look_for_gaps(codes, before, ts)
        self._first[symbols[is_new]] = ts[head[is_new]]
        self._last[symbols] = ts[tail]
        self._count[symbols] += tail - head + 1

    def _look_for_gaps(self, codes: NDArray[np.int32], before: NDArray[np.uint64], ts: NDArray[np.uint64]) -> None:
        wide = np.flatnonzero(ts - before > np.uint64(NANOSECONDS_A_MINUTE))
        if not len(wide):
            return
        minutes = (ts[wide] - before[wide]) // np.uint64(NANOSECONDS_A_MINUTE) - np.uint64(1)
        self._gaps += len(wide)
        self._missing += int(minutes.sum())
        # Of equally long ones the earliest, then the first symbol: what is found does not depend on the parts.
        longest = wide[minutes == minutes.max()]
        earliest = longest[np.lexsort((codes[longest], before[longest]))[0]]
        found = (int(minutes.max()), -int(before[earliest]), -int(codes[earliest]))
        self._longest = found if self._longest is None else max(self._longest, found)

    def accepted(self) -> int:
        """How many bars were added."""
        return int(self._count.sum())

    def spans(self) -> tuple[SymbolSpan, ...]:
        """One for each symbol that has bars, in the order of the symbols' bytes (code points sort as UTF-8 does)."""
        return tuple(
            sorted(
                (
                    SymbolSpan(
                        self._names[code], int(self._count[code]), moment(int(self._first[code])), moment(int(self._last[code]))
                    )
                    for code in np.flatnonzero(self._count).tolist()
                ),
                key=lambda span: span.symbol,
            )
        )

    def gaps(self) -> Gaps:
        """The gaps so far."""
        if self._longest is None:
            return Gaps(0, 0, None)
        minutes, before, code = self._longest[0], -self._longest[1], -self._longest[2]
        start = before + NANOSECONDS_A_MINUTE
        longest = Gap(self._names[code], minutes, moment(start), moment(start + minutes * NANOSECONDS_A_MINUTE))
        return Gaps(self._gaps, self._missing, longest)
