"""Bars from rows of PostgreSQL's binary COPY, read by numpy: no Python object a value, no decimal lost.

Owns the wire form of (ts, open, high, low, close, volume): numerics as PostgreSQL stores them, since turning them into
whole numbers costs the server more than sending them. Imports numpy, model and errors; refuses a value that fixed point
cannot hold, with its bar named: a number that is nearly the stored one is wrong.

A row consists of words of two bytes. A numeric is its length, then count, weight, sign and scale, then groups of four
decimal digits; the weight is the place of the first group, place 0 being the one before the decimal point.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stage1.errors import BadRows

COLUMNS: Final = ("ts", "open", "high", "low", "close", "volume")

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's
_TO_1970 = 946_684_800_000_000  # microseconds
_LEAST, _MOST = -(2**63) // 1000 + 1 - _TO_1970, 2**63 // 1000 - _TO_1970  # what nanoseconds can count from 1970
_GROUP = 10_000
_NEGATIVE = 0x4000
_NO_NUMBER = 0xC000  # and above: NaN and the infinities
_ANY = Context(prec=200_000)

# Words within a row: the number of columns, the length of ts, ts, then the numerics.
_TS = 3
_NUMERICS = 7
# Words within a numeric, its length being the first two.
_WEIGHT, _SIGN, _GROUPS = 3, 4, 6
_PADDING = bytes(64)  # a group that is not there is read, and passed over

_Words = NDArray[np.uint16]
_Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BarColumns:
    """Stored bars in their order: nanoseconds since 1970 (UTC), prices in units of 1e-9, whole volumes."""

    ts: NDArray[np.int64]
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.uint64]
    volume_is_null: NDArray[np.bool_] | None = None  # where it is, volume holds 0; None where no volume is null

    def __len__(self) -> int:
        return len(self.ts)


def decode(rows: bytes, sizes: list[int]) -> BarColumns:
    """The bars of whole rows that follow each other, each of them as many bytes as `sizes` says."""
    words = np.frombuffer(rows + _PADDING, ">u2").astype(np.uint16)
    ends = np.cumsum(np.array(sizes, np.int64)) // 2
    starts = ends - np.array(sizes, np.int64) // 2
    at, missing = starts + _NUMERICS, None
    numbers: dict[str, Any] = {}
    for name in COLUMNS[1:]:
        high_word, length = words[at], words[at + 1].astype(np.int64)
        null = None
        if high_word.any():
            null = high_word != 0
            length[null] = 0
            if name != "volume":
                raise _refused(words, starts, at, name, null, "nothing")
            missing = null
        count = np.maximum(length - 8, 0) >> 1
        numbers[name] = _volume(words, starts, at, count) if name == "volume" else _price(words, starts, at, count, name)
        at = at + 2 + (length >> 1)
    if not (np.array_equal(at, ends) and (words[starts] == len(COLUMNS)).all()):
        raise ValueError("the rows are not (ts, open, high, low, close, volume) of binary COPY")
    return BarColumns(_nanoseconds(words, starts), **numbers, volume_is_null=missing)


def _price(words: _Words, starts: _Places, at: _Places, count: _Places, name: str) -> NDArray[np.int64]:
    weight, negative, refused = _head(words, at, count)
    size, lowest, top = _digits(words, at, count, np.minimum(weight, 2), -2)
    if lowest >= -2:
        size *= np.uint64(_GROUP ** (lowest + 2) * 10)
    else:
        # The ninth decimal is the first digit of the group at -3; what comes behind it has no unit.
        ninth = np.where((weight + 3 >= 0) & (weight + 3 < count), words[at + _GROUPS + np.clip(weight + 3, 0, 8)], 0)
        size = size * np.uint64(10) + (ninth // 1000).astype(np.uint64)
        refused |= (ninth % 1000 > 0) | (weight - count + 1 < -3)
    refused |= (count > 0) & ((weight > 2) | ((weight == 2) & (top > 92)) | (size > np.uint64(2**63 - 1)))
    if refused.any():
        raise _refused(words, starts, at, name, refused, "a price of at most nine decimals within +-9223372036.854775807")
    units = size.view(np.int64)
    return units if negative is None else np.where(negative, -units, units)


def _volume(words: _Words, starts: _Places, at: _Places, count: _Places) -> NDArray[np.uint64]:
    weight, negative, refused = _head(words, at, count)
    size, lowest, top = _digits(words, at, count, np.minimum(weight, 4), 0)
    size *= np.uint64(_GROUP ** max(lowest, 0))
    largest = (weight == 4) & (top >= 1844)
    wrapped = largest & ((top > 1844) | (size < np.uint64(1844 * _GROUP**4)))
    refused |= (count > 0) & ((weight > 4) | (weight - count + 1 < 0) | wrapped)
    if negative is not None:
        refused |= negative
    if refused.any():
        raise _refused(words, starts, at, "volume", refused, "a whole number from 0 to 18446744073709551615")
    return size


def _head(words: _Words, at: _Places, count: _Places) -> tuple[_Places, NDArray[np.bool_] | None, NDArray[np.bool_]]:
    """The weights, which numbers are negative (None: none is), and which are no numbers."""
    weight = np.where(count > 0, words[at + _WEIGHT].view(np.int16), 0).astype(np.int64)
    sign = words[at + _SIGN]
    if not sign.any():
        return weight, None, np.zeros(len(at), np.bool_)
    # The words of a null are the next field's.
    return weight, (sign == _NEGATIVE) & (count > 0), sign >= _NO_NUMBER


def _digits(words: _Words, at: _Places, count: _Places, weight: _Places, last: int) -> tuple[NDArray[np.uint64], int, _Places]:
    """The groups down to a place as one whole number, the place where that ends, and the first groups."""
    value = np.zeros(len(at), np.uint64)
    place = int(weight.max(initial=0))
    lowest = int((weight - count + 1).min(initial=0))
    top = words[at + _GROUPS].astype(np.int64)
    for now in range(place, max(lowest, last) - 1, -1):
        which = weight - now
        there = (which >= 0) & (which < count)
        group = words[at + _GROUPS + np.maximum(which, 0)]
        value = value * np.uint64(_GROUP) + np.where(there, group, 0).astype(np.uint64)
    return value, lowest, top


def _nanoseconds(words: _Words, starts: _Places) -> NDArray[np.int64]:
    value = np.zeros(len(starts), np.uint64)
    for word in range(4):
        value = (value << np.uint64(16)) | words[starts + (_TS + word)]
    microseconds = value.view(np.int64)
    if len(value) and not _LEAST <= microseconds.min() <= microseconds.max() <= _MOST:
        raise BadRows(
            "A bar's time is beyond the years 1678 to 2261, which nanoseconds cannot count.",
            hint="Give --from and --until; --format csv shows every bar as it is stored.",
        )
    return (microseconds + _TO_1970) * 1000


def _refused(words: _Words, starts: _Places, at: _Places, name: str, refused: NDArray[np.bool_], expected: str) -> BadRows:
    row = int(np.argmax(refused))
    start, place = int(starts[row]), int(at[row])
    microseconds = int.from_bytes(words[start + _TS : start + _TS + 4].astype(">u2").tobytes(), "big", signed=True)
    try:
        moment = (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        moment = f"{microseconds} microseconds after 2000"
    expected = "a price" if expected == "nothing" else expected
    return BadRows(
        f"The {name} of the bar at {moment} is {_shown(words, place)}; {expected} was expected.",
        hint="The bar was not loaded by `stage1 ingest`. `stage1 bars --format csv` shows every bar as it is stored.",
    )


def _shown(words: _Words, at: int) -> str:
    if words[at]:
        return "null"
    if words[at + _SIGN] >= _NO_NUMBER:
        return "not a finite number"
    count = (int(words[at + 1]) - 8) // 2
    weight = int(words[at + _WEIGHT].view(np.int16))
    groups = words[at + _GROUPS : at + _GROUPS + count]
    digits = Decimal(int("".join(f"{group:04}" for group in groups[:50]) or "0"))
    text = f"{digits.scaleb(4 * (weight - min(count, 50) + 1), _ANY).normalize(_ANY):f}"[:60]
    return f"-{text}" if words[at + _SIGN] == _NEGATIVE else text
