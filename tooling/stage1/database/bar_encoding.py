"""Bars as rows of PostgreSQL's binary COPY, built by numpy: no Python object a value, no decimal point lost.

Owns the wire form of the staging table (symbol, minute, open, high, low, close, volume). Imports numpy and model; refuses
what has no form there: an undefined price never comes this far, the checks have stopped it.

A numeric travels as groups of four decimal digits. Groups of zeros in front and behind are legal, so every row of a piece may
have the same width: the piece is one array whose memory is the message. How many groups that takes is asked of each piece:
PostgreSQL reads them one by one. The scale beside the groups is what a value needs and no more, so that 4500.25 prints
as it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stage1.model.bars import NANOSECONDS_A_MINUTE, PRICE_UNITS, Bars

COLUMNS = ("symbol", "minute", "open", "high", "low", "close", "volume")

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_PRICES = ("open", "high", "low", "close")
_ROWS = 8_192  # of one piece: as many as stay in the processor's cache; a chunk at once is three times slower
_NEGATIVE = 0x4000
_GROUP = 10_000

# How many decimals a group of four needs: 2500 needs two.
_DECIMALS = np.array([len(f"{group:04}".rstrip("0")) for group in range(_GROUP)], np.int16)


@dataclass(frozen=True)
class _Layout:
    """The width of a row: bytes of its symbol, groups before and behind the point of its prices, groups of its volume."""

    symbol: int
    whole: int
    part: int
    volume: int


class BarEncoder:
    """Encodes the bars of one file, whose symbols are known."""

    def __init__(self, names: Sequence[str]) -> None:
        # Names of one length go together: a field of fixed width would cut or pad any other.
        alike: dict[int, list[bytes]] = {}
        places = []
        for name in map(str.encode, names):
            same = alike.setdefault(len(name), [])
            places.append(len(same))
            same.append(name)
        self._lengths = np.array([len(name.encode()) for name in names], np.int32)
        self._places = np.array(places, np.int32)
        self._names = {length: np.array(same, f"S{length}") for length, same in alike.items()}
        # Of this encoder alone: files are encoded by several threads.
        self._buffer = lru_cache(maxsize=16)(_buffer)

    def message(self, bars: Bars) -> bytearray:
        """The bars as one whole message of COPY."""
        message = bytearray(_HEADER)
        for start in range(0, len(bars), _ROWS):
            piece = bars.take(slice(start, start + _ROWS))
            lengths = self._lengths[piece.symbol]
            for length in np.unique(lengths):
                same = lengths == length
                message += self._rows(piece if same.all() else piece.take(same), int(length))
        message += _TRAILER
        return message

    def _rows(self, bars: Bars, length: int) -> memoryview:
        """The rows of bars whose symbols have one length; they lie in a buffer that the next rows take."""
        prices = {name: _Price(getattr(bars, name)) for name in _PRICES}
        layout = _Layout(
            length,
            max(price.whole_groups for price in prices.values()),
            max(price.part_groups for price in prices.values()),
            _groups(int(bars.volume.max())),
        )
        rows = self._buffer(layout)[: len(bars)]
        rows["symbol"] = self._names[length][self._places[bars.symbol]]
        rows["minute"] = bars.ts // np.uint64(NANOSECONDS_A_MINUTE)
        for name, price in prices.items():
            price.write(rows, name, layout)
        groups, rest = rows["volume_groups"], bars.volume
        for place in range(layout.volume - 1, -1, -1):
            upper = rest // np.uint64(_GROUP)
            groups[:, place] = rest - upper * np.uint64(_GROUP)
            rest = upper
        return rows.view(np.uint8).reshape(-1).data


class _Price:
    """A column of prices, taken apart."""

    def __init__(self, units: NDArray[np.int64]) -> None:
        size = np.abs(units)
        self.is_negative = units < 0
        self.whole = size // PRICE_UNITS
        part = size - self.whole * PRICE_UNITS
        self.first = part // 100_000  # four decimals
        self.rest = part - self.first * 100_000  # the other five
        self.whole_groups = _groups(int(self.whole.max()))
        self.part_groups = 3 if self.rest.any() else 1

    def write(self, rows: NDArray[np.void], name: str, layout: _Layout) -> None:
        """Fills the price's fields of the rows."""
        groups, whole = rows[f"{name}_groups"], self.whole
        for place in range(layout.whole - 1, 0, -1):
            upper = whole // _GROUP
            groups[:, place] = whole - upper * _GROUP
            whole = upper
        groups[:, 0] = whole
        groups[:, layout.whole] = self.first
        scale = _DECIMALS[self.first]
        if layout.part > 1:
            second = self.rest // 10
            last = self.rest - second * 10
            groups[:, layout.whole + 1], groups[:, layout.whole + 2] = second, last * 1000
            scale = np.where(last > 0, 9, np.where(second > 0, 4 + _DECIMALS[second], scale))
        rows[f"{name}_scale"] = scale
        rows[f"{name}_sign"] = np.where(self.is_negative, _NEGATIVE, 0)


def _groups(largest: int) -> int:
    """How many groups a whole number needs: one at least."""
    return max(1, -(-len(str(largest)) // 4))


def _buffer(layout: _Layout) -> NDArray[np.void]:
    """Rows whose constant parts are filled in: lengths, group counts and weights."""
    fields = [
        ("columns", ">i2"),
        ("symbol_bytes", ">i4"),
        ("symbol", f"S{layout.symbol}"),
        ("minute_bytes", ">i4"),
        ("minute", ">i4"),
    ]
    groups = {**dict.fromkeys(_PRICES, layout.whole + layout.part), "volume": layout.volume}
    for name, count in groups.items():
        fields += [(f"{name}_bytes", ">i4"), (f"{name}_count", ">i2"), (f"{name}_weight", ">i2")]
        fields += [(f"{name}_sign", ">i2"), (f"{name}_scale", ">i2"), (f"{name}_groups", f"({count},)>i2")]
    rows = np.zeros(_ROWS, np.dtype(fields))
    rows["columns"], rows["symbol_bytes"], rows["minute_bytes"] = len(COLUMNS), layout.symbol, 4
    for name, count in groups.items():
        rows[f"{name}_bytes"], rows[f"{name}_count"] = 8 + 2 * count, count
        rows[f"{name}_weight"] = (layout.volume if name == "volume" else layout.whole) - 1
    return rows
