"""One bar a symbol and minute: finds the minutes of which a file has several bars.

Owns the state between the parts of a file: of each symbol its last minute, which stays open until a later one comes,
because its next bar may lie in the next part. Imports numpy and model; refuses nothing itself, but relies on bars in the
order of their time.

Of bars that are equal in prices and volume the first stays. Of others none does: which of them is right cannot be known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stage1.model.bar_gaps import Spans
from stage1.model.bar_rejects import Example, Reason, Rejects, time_text
from stage1.model.bars import Bars

_COMPARED = 5  # the prices and the volume; behind them stands the publisher
_CARRIED = -1  # the row of a bar that came with an earlier part


def by_symbol(codes: NDArray[np.int32]) -> NDArray[np.intp]:
    """The order that puts bars of one symbol together and leaves them, among themselves, as they are."""
    if len(codes) == 0 or (codes == codes[0]).all():
        return np.arange(len(codes))
    low = codes.astype(np.uint16)  # numpy sorts 16 bits in linear time
    order = np.argsort(low, kind="stable")
    if (low == codes).all():
        return order
    return order[np.argsort((codes >> 16).astype(np.int16)[order], kind="stable")]


def _values(bars: Bars, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """What bars of one minute are compared by, a line each; a volume above 2**63 wraps round and so stays distinct."""
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume, bars.publisher)
    return np.column_stack([column[rows].astype(np.int64) for column in columns])


@dataclass(frozen=True, slots=True)
class _Groups:
    """Bars of one symbol and minute, a line for each such group, ordered by symbol and time."""

    symbol: NDArray[np.int32]
    ts: NDArray[np.uint64]
    position: NDArray[np.int64]  # of the first bar
    differ: NDArray[np.bool_]  # in prices or volume
    mixed: NDArray[np.bool_]  # of several publishers
    stays_open: NDArray[np.bool_]


class Minutes:
    """Takes bars part by part; hands those that stay to `spans` and the others to `rejects`."""

    def __init__(self, names: Sequence[str], spans: Spans, rejects: Rejects) -> None:
        self._names, self._spans, self._rejects = names, spans, rejects
        # The open minute of each symbol, and its first bar.
        self._is_open = np.zeros(len(names), np.bool_)
        self._ts = np.zeros(len(names), np.uint64)
        self._position = np.zeros(len(names), np.int64)
        self._first = np.zeros((len(names), _COMPARED + 1), np.int64)
        self._differ = np.zeros(len(names), np.bool_)
        self._mixed = np.zeros(len(names), np.bool_)
        # Further bars of open minutes: refused for certain, and why is known when the minute closes.
        self._held_symbol = np.zeros(0, np.int32)
        self._held_position = np.zeros(0, np.int64)

    def look_at(self, bars: Bars) -> None:
        """Takes the next bars, none of them earlier than one before."""
        if not len(bars):
            return
        row = by_symbol(bars.symbol)
        symbol, ts = bars.symbol[row], bars.ts[row]
        head = np.flatnonzero(np.concatenate(([True], symbol[1:] != symbol[:-1])))
        head = head[self._is_open[symbol[head]]]
        carried = symbol[head]
        # The open bar of each symbol stands before the new ones as if it had come with them.
        row, symbol, ts = (
            np.insert(row, head, _CARRIED),
            np.insert(symbol, head, carried),
            np.insert(ts, head, self._ts[carried]),
        )
        is_first = np.ones(len(ts), np.bool_)
        is_first[1:] = (symbol[1:] != symbol[:-1]) | (ts[1:] != ts[:-1])
        first_row, symbol = row[is_first], symbol[is_first]
        came_open = first_row == _CARRIED
        groups = _Groups(
            symbol,
            ts[is_first],
            bars.position[first_row],
            np.zeros(len(symbol), np.bool_),
            np.zeros(len(symbol), np.bool_),
            np.concatenate((symbol[1:] != symbol[:-1], [True])),
        )
        groups.position[came_open] = self._position[carried]
        groups.differ[came_open] = self._differ[carried]
        groups.mixed[came_open] = self._mixed[carried]

        further_row = row[~is_first]
        group = (np.cumsum(is_first) - 1)[~is_first] if len(further_row) else np.zeros(0, np.intp)
        if len(further_row):
            expected = _values(bars, first_row[group])
            from_before = came_open[group]
            expected[from_before] = self._first[symbol[group[from_before]]]
            unlike = _values(bars, further_row) != expected
            groups.differ[group[unlike[:, :_COMPARED].any(axis=1)]] = True
            groups.mixed[group[unlike[:, _COMPARED]]] = True
        position = bars.position[further_row]
        if len(self._held_symbol):
            at = np.searchsorted(carried, self._held_symbol)
            is_met = np.append(carried, -1)[at] == self._held_symbol
            group = np.concatenate((np.flatnonzero(came_open)[at[is_met]], group))
            position = np.concatenate((self._held_position[is_met], position))
            self._held_symbol, self._held_position = self._held_symbol[~is_met], self._held_position[~is_met]
        self._settle(groups, group, position)

        is_new = groups.stays_open & ~came_open
        self._first[symbol[is_new]] = _values(bars, first_row[is_new])

    def finish(self) -> None:
        """Closes what is open: the file has no more bars."""
        symbol = np.flatnonzero(self._is_open).astype(np.int32)
        groups = _Groups(
            symbol,
            self._ts[symbol],
            self._position[symbol],
            self._differ[symbol],
            self._mixed[symbol],
            np.zeros(len(symbol), np.bool_),
        )
        self._settle(groups, np.searchsorted(symbol, self._held_symbol), self._held_position)
        self._is_open[:] = False

    def _settle(self, groups: _Groups, group: NDArray[np.intp], position: NDArray[np.int64]) -> None:
        """Decides the closed groups and keeps the open ones; `group` and `position` tell of their further bars."""
        spoiled = groups.differ | groups.mixed
        stays = ~groups.stays_open & ~spoiled
        self._spans.add(groups.symbol[stays], groups.ts[stays])
        if spoiled.any() or len(position):
            is_open = groups.stays_open[group]
            self._held_symbol = np.concatenate((self._held_symbol, groups.symbol[group[is_open]]))
            self._held_position = np.concatenate((self._held_position, position[is_open]))
            first = np.flatnonzero(spoiled & ~groups.stays_open)
            group = np.concatenate((first, group[~is_open]))
            position = np.concatenate((groups.position[first], position[~is_open]))
            for reason, some in ((Reason.SEVERAL_PUBLISHERS, groups.mixed[group]), (Reason.DUPLICATE, ~groups.mixed[group])):
                self._reject(reason, groups, group[some], position[some])
        last = np.flatnonzero(groups.stays_open)
        symbol = groups.symbol[last]
        self._is_open[symbol], self._ts[symbol], self._position[symbol] = True, groups.ts[last], groups.position[last]
        self._differ[symbol], self._mixed[symbol] = groups.differ[last], groups.mixed[last]

    def _reject(self, reason: Reason, groups: _Groups, group: NDArray[np.intp], position: NDArray[np.int64]) -> None:
        def example(index: int) -> Example:
            of = group[index]
            found = f"several bars of the minute, the first in record {groups.position[of]}"
            if reason is Reason.SEVERAL_PUBLISHERS:
                found += ", of several publishers"
            else:
                found += ", with other prices or another volume" if groups.differ[of] else ", all alike"
            name = self._names[groups.symbol[of]]
            return Example(int(position[index]), time_text(int(groups.ts[of])), name, found, "one bar a symbol and minute")

        self._rejects.add(reason, position, example)
