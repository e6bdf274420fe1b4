"""Which bars of a file are refused, why, and a few of each as examples.

Owns the reasons: their names are what the database keeps, their sentences are for people. Imports numpy and model.bars;
refuses to remember more than a fixed number of rows, after which only the fact that there are more is kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stage1.model.bars import UNDEFINED_PRICE, UNDEFINED_TIME

MOST_REJECTED = 5_000_000  # rows remembered: nine bytes each, and as much again while they are sorted
EXAMPLES = 3  # of each reason

_NANOSECONDS_A_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reason(StrEnum):
    """Why a bar is refused. A bar has one reason, the first of these that holds."""

    UNDEFINED_TIME = "undefined_time"
    UNDEFINED_PRICE = "undefined_price"
    PRICE_OUT_OF_RANGE = "price_out_of_range"
    HIGH_BELOW = "high_below"
    LOW_ABOVE = "low_above"
    NOT_ON_MINUTE = "not_on_minute"
    OUT_OF_RANGE = "out_of_range"
    UNMAPPED = "unmapped"
    AMBIGUOUS_SYMBOL = "ambiguous_symbol"
    OUT_OF_ORDER = "out_of_order"
    SEVERAL_PUBLISHERS = "several_publishers"
    DUPLICATE = "duplicate"

    @property
    def sentence(self) -> str:
        """What is wrong, for people."""
        return _SENTENCES[self]


_SENTENCES: Mapping[Reason, str] = {
    Reason.UNDEFINED_TIME: "the bar has no time",
    Reason.UNDEFINED_PRICE: "a price of the bar is undefined",
    Reason.PRICE_OUT_OF_RANGE: "a price of the bar is the lowest 64-bit integer, which is no price",
    Reason.HIGH_BELOW: "the high is below another price of the bar",
    Reason.LOW_ABOVE: "the low is above another price of the bar",
    Reason.NOT_ON_MINUTE: "the bar does not start on a whole minute",
    Reason.OUT_OF_RANGE: "the bar lies outside the time range of its file",
    Reason.UNMAPPED: "the symbology names no symbol for the bar's instrument and day",
    Reason.AMBIGUOUS_SYMBOL: "the symbology names several symbols for the bar's instrument and day",
    Reason.OUT_OF_ORDER: "the bar is earlier than a bar before it in the file",
    Reason.SEVERAL_PUBLISHERS: "several publishers have a bar of this symbol and minute",
    Reason.DUPLICATE: "the symbol has another bar of this minute",
}

REASONS = tuple(Reason)
_CODES = {reason: code for code, reason in enumerate(REASONS)}


@dataclass(frozen=True, slots=True)
class Example:
    """One refused bar, as a message shows it."""

    position: int
    time: str
    symbol: str | None
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A record that is kept out of the bars, with its own bytes."""

    position: int
    reason: str
    symbol: str | None
    ts: datetime | None
    record: bytes


class Rejects:
    """Collects refused rows, in any order."""

    def __init__(self, most: int = MOST_REJECTED) -> None:
        self._most = most
        self._positions: list[NDArray[np.int64]] = []
        self._codes: list[NDArray[np.uint8]] = []
        self.examples: dict[Reason, list[Example]] = {}
        self.counts: dict[Reason, int] = {}
        self.too_many = False

    def add(self, reason: Reason, positions: NDArray[np.int64], example: Callable[[int], Example]) -> None:
        """Refuses the records at these positions; `example` tells of one of them by its index in the array."""
        if not len(positions) or self.too_many:
            return
        self.counts[reason] = self.counts.get(reason, 0) + len(positions)
        first = np.argpartition(positions, EXAMPLES - 1)[:EXAMPLES] if len(positions) > EXAMPLES else range(len(positions))
        known = [*self.examples.get(reason, ()), *(example(int(index)) for index in first)]
        self.examples[reason] = sorted(known, key=lambda each: each.position)[:EXAMPLES]
        if sum(self.counts.values()) > self._most:
            self.too_many = True
            self._positions, self._codes = [], []
            return
        self._positions.append(positions)
        self._codes.append(np.full(len(positions), _CODES[reason], np.uint8))

    def in_file_order(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """The positions and, beside each, the number of its reason in REASONS."""
        if not self._positions:
            return np.zeros(0, np.int64), np.zeros(0, np.uint8)
        positions = np.concatenate(self._positions)
        codes = np.concatenate(self._codes)
        order = np.argsort(positions)
        return positions[order], codes[order]


def moment(nanoseconds: int) -> datetime:
    """A bar's time as a datetime; bars start on whole minutes, so nothing is lost."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def time_text(nanoseconds: int) -> str:
    """A time of a file, exact to the nanosecond: `2023-01-03 14:30:00Z`."""
    if nanoseconds == UNDEFINED_TIME:
        return "undefined"
    seconds, rest = divmod(nanoseconds, _NANOSECONDS_A_SECOND)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}{fraction}Z"


def price_text(units: int) -> str:
    """A price as people write it."""
    return "undefined" if units == UNDEFINED_PRICE else f"{Decimal(units).scaleb(-9).normalize():f}"
