"""Checks the bars of a file, part by part, with whole columns at a time.

Owns the rules that a bar must keep. Imports numpy and model; refuses nothing itself: it says which bars break a rule and
why, and what remains. Zero and negative prices are legal (spreads, and crude oil in April 2020), and so is any volume.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stage1.model.bar_gaps import Gaps, Spans
from stage1.model.bar_minutes import Minutes
from stage1.model.bar_rejects import MOST_REJECTED, Example, Reason, Rejects, price_text, time_text
from stage1.model.bars import AMBIGUOUS, NANOSECONDS_A_MINUTE, UNDEFINED_PRICE, UNDEFINED_TIME, UNMAPPED, Bars, SymbolSpan

_LOWEST = -(2**63)
_A_DAY = 1440 * NANOSECONDS_A_MINUTE
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks found in all of a file's bars."""

    accepted: int
    rejected: NDArray[np.int64]  # positions, ascending; empty if `too_many`
    reasons: NDArray[np.uint8]  # beside each position the number of its reason in bar_rejects.REASONS
    counts: Mapping[Reason, int]
    examples: Mapping[Reason, Sequence[Example]]
    too_many: bool  # more were rejected than are remembered, and the rest was not looked at
    spans: tuple[SymbolSpan, ...]
    gaps: Gaps
    first: datetime | None
    last: datetime | None


class Checker:
    """Looks at the bars of one file, in the order of the file; `names` are the symbols, times are in nanoseconds.

    Bars must lie in [start_ns, end_ns); where the file does not say its end, not later than a day after now.
    """

    def __init__(
        self, names: Sequence[str], start_ns: int, end_ns: int | None, now_ns: int, *, most_rejected: int = MOST_REJECTED
    ) -> None:
        self._names = names
        self._start = start_ns
        self._until = now_ns + _A_DAY + 1 if end_ns is None else end_ns
        self._rejects = Rejects(most_rejected)
        self._spans = Spans(names)
        self._minutes = Minutes(names, self._spans, self._rejects)
        self._latest = np.uint64(0)

    def look_at(self, bars: Bars) -> None:
        """Checks the next bars; they may be copied from, but are not kept."""
        if not self._rejects.too_many:
            self._minutes.look_at(self._in_order(self._by_itself(bars)))

    def result(self) -> Checked:
        """What was found; there are no more bars."""
        self._minutes.finish()
        rejected, reasons = self._rejects.in_file_order()
        spans = self._spans.spans()
        return Checked(
            self._spans.accepted(),
            rejected,
            reasons,
            {reason: self._rejects.counts[reason] for reason in Reason if reason in self._rejects.counts},
            {reason: self._rejects.examples[reason] for reason in Reason if reason in self._rejects.examples},
            self._rejects.too_many,
            spans,
            self._spans.gaps(),
            min((span.first for span in spans), default=None),
            max((span.last for span in spans), default=None),
        )

    def _by_itself(self, bars: Bars) -> Bars:
        """The bars that are right whatever stands beside them."""
        # If the high is the highest and the low the lowest, they alone tell of prices that are none.
        minute, ts = np.uint64(NANOSECONDS_A_MINUTE), bars.ts
        wrong = bars.high < np.maximum(np.maximum(bars.open, bars.close), bars.low)
        wrong |= bars.low > np.minimum(bars.open, bars.close)
        wrong |= bars.high == UNDEFINED_PRICE
        wrong |= bars.low == _LOWEST
        wrong |= ts // minute * minute != ts
        wrong |= ts < self._start
        wrong |= ts >= self._until
        wrong |= bars.symbol < 0
        if not wrong.any():
            return bars
        self._say_what_is_wrong(bars.take(wrong))
        return bars.take(~wrong)

    def _say_what_is_wrong(self, bars: Bars) -> None:
        prices = np.column_stack([getattr(bars, name) for name in _PRICES])
        rules: dict[Reason, tuple[NDArray[Any], str]] = {
            Reason.UNDEFINED_TIME: (bars.ts == UNDEFINED_TIME, "a time"),
            Reason.UNDEFINED_PRICE: ((prices == UNDEFINED_PRICE).any(axis=1), "four prices"),
            Reason.PRICE_OUT_OF_RANGE: ((prices == _LOWEST).any(axis=1), "prices above -9223372036.854775808"),
            Reason.HIGH_BELOW: (bars.high < prices.max(axis=1), "a high that is the highest of the four prices"),
            Reason.LOW_ABOVE: (bars.low > prices.min(axis=1), "a low that is the lowest of the four prices"),
            Reason.NOT_ON_MINUTE: (bars.ts % np.uint64(NANOSECONDS_A_MINUTE) != 0, "the start of a minute"),
            Reason.OUT_OF_RANGE: (
                (bars.ts < self._start) | (bars.ts >= self._until),
                f"a time from {time_text(self._start)} until before {time_text(self._until)}",
            ),
            Reason.UNMAPPED: (bars.symbol == UNMAPPED, "one symbol"),
            Reason.AMBIGUOUS_SYMBOL: (bars.symbol == AMBIGUOUS, "one symbol"),
        }
        left = np.ones(len(bars), np.bool_)
        for reason, (breaks, expected) in rules.items():
            self._reject(reason, bars.take(left & breaks), expected)
            left &= ~breaks

    def _in_order(self, bars: Bars) -> Bars:
        """The bars that are not earlier than one before them."""
        if not len(bars):
            return bars
        ts = bars.ts
        if ts[0] < self._latest or (ts[1:] < ts[:-1]).any():
            latest = np.maximum(np.maximum.accumulate(ts), self._latest)
            late = ts < latest
            self._reject(Reason.OUT_OF_ORDER, bars.take(late), "a time that is not before {}", latest[late])
            bars = bars.take(~late)
            if not len(bars):
                return bars
        self._latest = bars.ts[-1]
        return bars

    def _reject(self, reason: Reason, bars: Bars, expected: str, latest: NDArray[np.uint64] | None = None) -> None:
        def example(index: int) -> Example:
            time = time_text(int(bars.ts[index]))
            symbol = int(bars.symbol[index])
            if reason in (Reason.UNMAPPED, Reason.AMBIGUOUS_SYMBOL):
                how_many = "no symbol" if reason is Reason.UNMAPPED else "several symbols"
                found = f"{how_many} for instrument {bars.instrument[index]} on that day"
            elif reason in (Reason.UNDEFINED_TIME, Reason.NOT_ON_MINUTE, Reason.OUT_OF_RANGE, Reason.OUT_OF_ORDER):
                found = time
            else:
                found = " ".join(f"{name} {price_text(int(getattr(bars, name)[index]))}" for name in _PRICES)
            return Example(
                int(bars.position[index]),
                time,
                self._names[symbol] if symbol >= 0 else None,
                found,
                expected if latest is None else expected.format(time_text(int(latest[index]))),
            )

        self._rejects.add(reason, bars.position, example)
