"""One-minute bars as columns: fixed point integers, exactly as a vendor's file has them.

Owns the form in which bars travel between a file, the checks and the database. Imports numpy and nothing of ours; refuses
floats: a price is an integer of 1e-9 units from the file to the column.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

NANOSECONDS_A_MINUTE = 60_000_000_000
PRICE_UNITS = 1_000_000_000  # of 1
UNDEFINED_PRICE = 2**63 - 1
UNDEFINED_TIME = 2**64 - 1

# What Bars.symbol holds where a record has no one symbol.
UNMAPPED = -1
AMBIGUOUS = -2


@dataclass(frozen=True, slots=True)
class Bars:
    """Some bars of a file, in the order in which they are given; all columns have one length.

    Columns may be views into the vendor's records, so they need not be contiguous.
    """

    position: NDArray[np.int64]  # the record's number in its file, from 0
    symbol: NDArray[np.int32]  # an index into the list of symbols that goes with the bars, or UNMAPPED, AMBIGUOUS
    ts: NDArray[np.uint64]  # the start of the minute, in nanoseconds since 1970, UTC
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.uint64]
    publisher: NDArray[np.uint16]
    instrument: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, rows: "NDArray[Any] | slice") -> "Bars":
        """Some of the bars: by a mask, by their numbers in a wanted order, or by a slice."""
        return Bars(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})


@dataclass(frozen=True, slots=True)
class SymbolSpan:
    """What there is of one symbol: how many bars, and when the first and the last of them start."""

    symbol: str
    count: int
    first: datetime
    last: datetime
