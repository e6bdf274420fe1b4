"""One-minute bars from trades, and the quotes of a minute, in one pass over records that come in parts.

Owns the sums and their rounding: sums of price times size are exact however large they get (128 bits would hold them), and
what is divided is rounded to units of 1e-9, a half to the even one. Imports numpy, model and errors. Refuses a mean that is no
price in 64 bits; which records count, and that minutes never go back, is for its callers.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stage1.errors import BadRows
from stage1.model.bars import NANOSECONDS_A_MINUTE, UNDEFINED_PRICE
from stage1.model.periods import Period, nanoseconds

Rows = dict[str, NDArray[Any]]  # columns of one length; "minute" counts from 1970 and ascends

TRADE_COLUMNS = ("minute", "open", "high", "low", "close", "volume", "trade_count", "vwap")
QUOTE_COLUMNS = ("minute", "bid", "ask", "spread_mean", "quote_count")

_LOWEST, _LARGEST = -(2**63), 2**63 - 1
_HALF = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFF_FFFF)


class _Minutes:
    """Rows of minutes; the last one of a part is open until a record of a later minute comes."""

    _columns: tuple[str, ...]
    _mean: str
    _weight: str

    def __init__(self) -> None:
        self._open: dict[str, int] | None = None

    def finish(self) -> Rows:
        """The last minute, when there are no more records."""
        row, self._open = self._open, None
        return self._columns_of([] if row is None else [row])

    def _joined(self, first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
        """One minute out of what two parts have of it."""
        raise NotImplementedError

    def _completed(self, rows: Rows, base: int, sums: NDArray[Any]) -> Rows:
        """The rows that are complete; `base` times the weight plus `sums` is what the mean is made of."""
        last, before = len(sums) - 1, self._open
        begin, complete = 0, [] if before is None else [before]
        if before is not None and before["minute"] == int(rows["minute"][0]):
            begin, complete = 1, [self._joined(before, self._row(rows, 0, base, sums))]
            if last == 0:
                [self._open] = complete
                return self._columns_of([])
        self._open = self._row(rows, last, base, sums)
        body = {name: column[begin:last] for name, column in rows.items()}
        body[self._mean] = self._means(base, sums[begin:last], body[self._weight])
        head = self._columns_of(complete)
        return {name: np.concatenate([head[name], body[name]]) for name in self._columns}

    def _row(self, rows: Rows, at: int, base: int, sums: NDArray[Any]) -> dict[str, int]:
        row = {name: int(column[at]) for name, column in rows.items()}
        return row | {"total": base * row[self._weight] + int(sums[at])}

    def _columns_of(self, rows: list[dict[str, int]]) -> Rows:
        names = [name for name in self._columns if name != self._mean]
        columns: Rows = {name: np.array([row[name] for row in rows], np.int64) for name in names}
        totals = np.array([row["total"] for row in rows], object)
        return columns | {self._mean: self._means(0, totals, columns[self._weight])}

    def _means(self, base: int, sums: NDArray[Any], weights: NDArray[np.int64]) -> NDArray[np.int64]:
        # With no weight there is no sum either.
        means = np.where(weights == 0, UNDEFINED_PRICE, _rounded(base, sums, np.maximum(weights, 1)))
        outside = [mean for mean in means if not _LOWEST <= mean <= _LARGEST] if means.dtype == object else []
        if outside:
            # Prices are weighed into prices; it is differences of extreme ones that may be too large.
            raise BadRows(
                f"A minute's {self._mean} does not fit 64 bits of 1e-9: {outside[0]}.",
                detail="Expected quotes whose difference is a price.",
                hint="Look at its bids and asks; if the file is as the vendor sent it, tell the vendor.",
            )
        return means.astype(np.int64)


class TradeMinutes(_Minutes):
    """Bars: open and close are the first and the last trade in the order in which they come."""

    _columns, _mean, _weight = TRADE_COLUMNS, "vwap", "volume"

    def add(self, minutes: NDArray[np.int64], prices: NDArray[np.int64], sizes: NDArray[np.uint32]) -> Rows:
        """The bars that are complete with these trades, of which there is one at least."""
        starts = _starts(minutes)
        ends = np.append(starts[1:], len(minutes))
        base, sums = _weighted_sums(prices, sizes, starts)
        rows = {
            "minute": minutes[starts],
            "open": prices[starts],
            "high": np.maximum.reduceat(prices, starts),
            "low": np.minimum.reduceat(prices, starts),
            "close": prices[ends - 1],
            "volume": np.add.reduceat(sizes, starts, dtype=np.int64),
            "trade_count": ends - starts,
        }
        return self._completed(rows, base, sums)

    def _joined(self, first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
        added = {name: first[name] + second[name] for name in ("volume", "trade_count", "total")}
        extremes = {"high": max(first["high"], second["high"]), "low": min(first["low"], second["low"])}
        return first | added | extremes | {"close": second["close"]}


class QuoteMinutes(_Minutes):
    """The last bid and ask of each minute, and the mean of ask minus bid over the records that have both."""

    _columns, _mean, _weight = QUOTE_COLUMNS, "spread_mean", "quote_count"

    def add(self, minutes: NDArray[np.int64], bids: NDArray[np.int64], asks: NDArray[np.int64]) -> Rows:
        """The minutes that are complete with these records, of which there is one at least."""
        starts = _starts(minutes)
        lasts = np.append(starts[1:], len(minutes)) - 1
        both = (bids != UNDEFINED_PRICE) & (asks != UNDEFINED_PRICE)
        count = np.add.reduceat(both, starts, dtype=np.int64)
        rows = {"minute": minutes[starts], "bid": bids[lasts], "ask": asks[lasts], "quote_count": count}
        if not both.all():
            bids, asks = np.where(both, bids, 0), np.where(both, asks, 0)
        weights = both.astype(np.uint32)
        if max(int(asks.max()) - int(bids.min()), int(bids.max()) - int(asks.min())) <= _LARGEST:
            base, sums = _weighted_sums(asks - bids, weights, starts)
            return self._completed(rows, base, sums)
        ask_sums, bid_sums = _wide_sums(asks, weights, starts), _wide_sums(bids, weights, starts)
        return self._completed(rows, 0, ask_sums - bid_sums)

    def _joined(self, first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
        added = {name: first[name] + second[name] for name in ("quote_count", "total")}
        return first | added | {"bid": second["bid"], "ask": second["ask"]}


def by_month(parts: Iterator[Rows], period: Period) -> Iterator[Rows]:
    """The rows of each month of the period, empty where there are none; all of them are of the period."""
    waiting: Rows | None = None
    for month in period.months():
        until = minute_of(month.end)
        gathered = [] if waiting is None else [waiting]
        while not (gathered and len(gathered[-1]["minute"]) and gathered[-1]["minute"][-1] >= until):
            part = next(parts, None)
            if part is None:
                break
            gathered.append(part)
        whole = {name: np.concatenate([part[name] for part in gathered]) for name in gathered[0]} if gathered else {}
        cut = int(np.searchsorted(whole["minute"], until)) if whole else 0
        waiting = {name: column[cut:].copy() for name, column in whole.items()}
        yield {name: column[:cut] for name, column in whole.items()}
    for _ in parts:  # so that whoever makes the parts comes to the end of its file
        pass


def minute_of(moment: datetime) -> int:
    """The number of a minute since 1970."""
    return nanoseconds(moment) // NANOSECONDS_A_MINUTE


def _starts(minutes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.flatnonzero(minutes[1:] != minutes[:-1]) + 1])


def _weighted_sums(values: NDArray[np.int64], weights: NDArray[np.uint32], starts: NDArray[np.int64]) -> tuple[int, NDArray[Any]]:
    """Of each group: its sum of value times weight is the first result times its weights, plus the second.

    Measured from the lowest value, a part's sums fit 64 bits for any market that trades; where they do not, they are Python's.
    """
    base, highest = int(values.min()), int(values.max())
    if highest - base > _LARGEST or (highest - base) * int(weights.sum(dtype=np.uint64)) > _LARGEST:
        return 0, _wide_sums(values, weights, starts)
    return base, np.add.reduceat((values - base) * weights, starts)


def _wide_sums(values: NDArray[np.int64], weights: NDArray[np.uint32], starts: NDArray[np.int64]) -> NDArray[Any]:
    """The sums of value times weight as Python's integers: products of halves of 32 bits, summed by halves again."""
    wide = weights.astype(np.uint64)
    low = (values.view(np.uint64) & _LOW_HALF) * wide
    high = (values >> np.int64(32)) * weights.astype(np.int64)
    halves = (
        (64, high >> np.int64(32)),
        (32, (high.view(np.uint64) & _LOW_HALF).view(np.int64)),
        (32, (low >> _HALF).view(np.int64)),
        (0, (low & _LOW_HALF).view(np.int64)),
    )
    total = np.zeros(len(starts), object)
    for shift, half in halves:
        total = total + np.add.reduceat(half, starts).astype(object) * (1 << shift)
    return total


def _rounded(base: int, part: Any, count: Any) -> Any:
    """base + part / count, rounded to a whole number, a half to the even one; numbers or arrays of them."""
    quotient = part // count
    whole, twice = base + quotient, 2 * (part - quotient * count)
    return whole + ((twice > count) | ((twice == count) & (whole % 2 == 1)))
