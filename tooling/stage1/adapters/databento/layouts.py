"""The layouts of the vendor's records that are read here; they are the same in DBN versions 1 to 3.

Owns dtypes and rtypes. Imports numpy alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

_HEAD: list[tuple[str, str]] = [
    ("length", "u1"),  # in words of four bytes
    ("rtype", "u1"),
    ("publisher_id", "<u2"),
    ("instrument_id", "<u4"),
    ("ts_event", "<u8"),
]
_TRADE = [
    *_HEAD,
    ("price", "<i8"),
    ("size", "<u4"),
    ("action", "S1"),
    ("side", "S1"),
    ("flags", "u1"),
    ("depth", "u1"),
    ("ts_recv", "<u8"),
    ("ts_in_delta", "<i4"),
    ("sequence", "<u4"),
]


@dataclass(frozen=True)
class Layout:
    """How the records of a schema lie in a file."""

    schema: str
    rtype: int
    dtype: "np.dtype[Any]"
    holds: str  # how sentences call them

    @property
    def size(self) -> int:
        """Bytes of a record."""
        return self.dtype.itemsize


BARS = Layout(
    "ohlcv-1m",
    33,
    np.dtype([*_HEAD, ("open", "<i8"), ("high", "<i8"), ("low", "<i8"), ("close", "<i8"), ("volume", "<u8")]),
    "bars of one minute",
)
TRADES = Layout("trades", 0, np.dtype(_TRADE), "trades")
TBBO = Layout(
    "tbbo",
    1,
    np.dtype(
        [
            *_TRADE,
            ("bid_px", "<i8"),
            ("ask_px", "<i8"),
            ("bid_sz", "<u4"),
            ("ask_sz", "<u4"),
            ("bid_ct", "<u4"),
            ("ask_ct", "<u4"),
        ]
    ),
    "trades with the quote before each",
)

BY_SCHEMA = {layout.schema: layout for layout in (BARS, TRADES, TBBO)}

# What the records of any schema are, for the sentence that refuses one.
RTYPES = {
    0: "trades",
    1: "mbp-1 or tbbo",
    10: "mbp-10",
    17: "bars of an early DBN, which do not say of what length",
    18: "status",
    19: "definition",
    20: "imbalance",
    21: "an error message",
    22: "a symbol mapping",
    23: "a system message",
    24: "statistics",
    32: "ohlcv-1s",
    33: "ohlcv-1m",
    34: "ohlcv-1h",
    35: "ohlcv-1d",
    36: "ohlcv-eod",
    160: "mbo",
    177: "cmbp-1",
    192: "cbbo-1s",
    193: "cbbo-1m",
    194: "tcbbo",
    195: "bbo-1s",
    196: "bbo-1m",
}
