"""Bars as rows of PostgreSQL's binary COPY, built by numpy: no Python object a value, no decimal point lost.

Owns the wire form of the staging table (symbol, minute, open, high, low, close, volume). Imports numpy and model; refuses
what has no form there: an undefined price never comes this far, the checks have stopped it.

A numeric travels as groups of four decimal digits. PostgreSQL strips groups of zeros on arrival, so every value may have
the same number of groups and every row of symbols of one length the same width: a chunk is one array whose memory is the
message. The scale beside the groups is what a value needs and no more, so that 4500.25 prints as it is written.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from stage1.model.bars import NANOSECONDS_A_MINUTE, PRICE_UNITS, Bars

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
COLUMNS = ("symbol", "minute", "open", "high", "low", "close", "volume")

_PRICES = ("open", "high", "low", "close")
_ROWS = 8_192  # of one array: as many as stay in the processor's cache; the whole at once is three times slower
_NEGATIVE = 0x4000
_GROUP = 10_000
_PRICE_GROUPS = 6  # three before the point, three behind it: 2^63 units have ten digits and nine
_VOLUME_GROUPS = 5  # 2^64 has twenty digits

# How many decimals a group of four needs: 2500 needs two.
_DECIMALS = np.array([len(f"{group:04}".rstrip("0")) for group in range(_GROUP)], np.int16)


class BarEncoder:
    """Encodes the bars of one file, whose symbols are known."""

    def __init__(self, names: Sequence[str]) -> None:
        encoded = [name.encode() for name in names]
        self._lengths = np.array([len(name) for name in encoded], np.int32)
        # Names of one length: a field of fixed width would cut or pad any other.
        self._names = {
            length: np.array([name if len(name) == length else b"" for name in encoded], f"S{length}")
            for length in {len(name) for name in encoded}
        }
        self._buffers = {length: _buffer(length) for length in self._names}

    def rows(self, bars: Bars) -> Iterator[memoryview]:
        """The rows of the bars; each piece is valid until the next one is asked for."""
        for start in range(0, len(bars), _ROWS):
            piece = bars.take(slice(start, start + _ROWS))
            lengths = self._lengths[piece.symbol]
            for length in np.unique(lengths):
                same = lengths == length
                yield self._encoded(piece if same.all() else piece.take(same), int(length))

    def _encoded(self, bars: Bars, length: int) -> memoryview:
        rows = self._buffers[length][: len(bars)]
        rows["symbol"] = self._names[length][bars.symbol]
        rows["minute"] = bars.ts // np.uint64(NANOSECONDS_A_MINUTE)
        for name in _PRICES:
            _price(rows, name, getattr(bars, name))
        _volume(rows, bars.volume)
        return rows.view(np.uint8).reshape(-1).data


def _buffer(length: int) -> NDArray[np.void]:
    """Rows whose constant parts are filled in: lengths, group counts and weights."""
    fields = [("columns", ">i2"), ("symbol_bytes", ">i4"), ("symbol", f"S{length}"), ("minute_bytes", ">i4"), ("minute", ">i4")]
    groups = {**dict.fromkeys(_PRICES, _PRICE_GROUPS), "volume": _VOLUME_GROUPS}
    for name, count in groups.items():
        fields += [(f"{name}_bytes", ">i4"), (f"{name}_count", ">i2"), (f"{name}_weight", ">i2")]
        fields += [(f"{name}_sign", ">i2"), (f"{name}_scale", ">i2"), (f"{name}_groups", f"({count},)>i2")]
    rows = np.zeros(_ROWS, np.dtype(fields))
    rows["columns"], rows["symbol_bytes"], rows["minute_bytes"] = len(COLUMNS), length, 4
    for name, count in groups.items():
        rows[f"{name}_bytes"], rows[f"{name}_count"] = 8 + 2 * count, count
        rows[f"{name}_weight"] = (count if name == "volume" else count // 2) - 1
    return rows


def _price(rows: NDArray[np.void], name: str, units: NDArray[np.int64]) -> None:
    size = np.abs(units)
    whole = size // PRICE_UNITS
    part = size - whole * PRICE_UNITS
    groups = rows[f"{name}_groups"]
    upper = whole // _GROUP
    groups[:, 2] = whole - upper * _GROUP
    groups[:, 0] = upper // _GROUP
    groups[:, 1] = upper % _GROUP
    first = part // 100_000
    rest = part - first * 100_000
    second = rest // 10
    last = rest - second * 10
    groups[:, 3], groups[:, 4], groups[:, 5] = first, second, last * 1000
    scale = _DECIMALS[first]
    if rest.any():
        scale = np.where(last > 0, 9, np.where(second > 0, 4 + _DECIMALS[second], scale))
    rows[f"{name}_scale"] = scale
    rows[f"{name}_sign"] = np.where(units < 0, _NEGATIVE, 0)


def _volume(rows: NDArray[np.void], volume: NDArray[np.uint64]) -> None:
    groups, rest, base = rows["volume_groups"], volume, np.uint64(_GROUP)
    for place in range(_VOLUME_GROUPS - 1, -1, -1):
        upper = rest // base
        groups[:, place] = rest - upper * base
        rest = upper
