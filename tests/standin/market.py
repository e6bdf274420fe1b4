"""What was traded: a synthetic market whose every record follows from (seed, dataset, symbol, day) alone.

So a request gives the same records whatever was asked before it, and two halves of a range are the whole. Owns symbols and
what they mean on a day, trades, the quotes before them, and the bars of them. Knows nothing of HTTP or of zstd.
"""

import re
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import databento_dbn
import numpy as np
from numpy.typing import NDArray

Records = NDArray[Any]

TRADES = np.dtype(databento_dbn.TradeMsg._dtypes)
TBBO = np.dtype(databento_dbn.MBP1Msg._dtypes)
OHLCV_1M = np.dtype(databento_dbn.OHLCVMsg._dtypes)
LAYOUTS = {"trades": TRADES, "tbbo": TBBO, "ohlcv-1m": OHLCV_1M}
# What a schema is sorted and cut by.
TIMES = {"trades": "ts_recv", "tbbo": "ts_recv", "ohlcv-1m": "ts_event"}

DAY = 86_400_000_000_000
MINUTE = 60_000_000_000
UNDEF_PRICE = 2**63 - 1

_RTYPES = {TRADES: 0, TBBO: 1, OHLCV_1M: 33}
_PUBLISHERS = {"XNAS.ITCH": 2, "GLBX.MDP3": 1, "EQUS.MINI": 95, "DBEQ.BASIC": 39}
_TICK = 10_000_000
_OPEN, _OPEN_MINUTES, _QUIET_MINUTES = 9 * 60, 15 * 60, 30
_TRADED = re.compile(r"[A-Z./ ]+")
_CONTINUOUS = re.compile(r".+\.[cnv]\.\d+")
_EPOCH = date(1970, 1, 1)


def nanoseconds_of(day: date) -> int:
    """The first moment of a UTC day, as DBN has it."""
    return (day - _EPOCH).days * DAY


def days(first: date, until: date) -> Iterator[date]:
    """The days of [first, until)."""
    return (first + timedelta(number) for number in range((until - first).days))


def trades_at(moments: Sequence[int], prices: Sequence[int], sizes: Sequence[int] | int = 100) -> Records:
    """Trades of a test's own, for `Market(own=...)`: at these ts_recv, at prices in units of 1e-9."""
    made = np.zeros(len(moments), TRADES)
    made["ts_recv"] = made["ts_event"] = moments
    made["price"], made["size"], made["action"], made["side"] = prices, sizes, b"T", b"B"
    made["sequence"] = np.arange(1, len(made) + 1)
    return made


@dataclass(frozen=True)
class Listing:
    """A symbol is this instrument on the days of [first, until)."""

    first: date
    until: date
    instrument_id: int


@dataclass(frozen=True)
class Market:
    """Any symbol of capital letters is traded on every weekday from `opened`, unless a test says otherwise.

    `listings` are symbols that exist at times, change their instrument, or are continuous; `unknown` are traded nowhere;
    `own` are the trades (or TBBO) of a day, in place of the made ones: none, or any between that day's midnights.
    """

    seed: int = 1
    trades_a_day: int = 400
    opened: date = date(2018, 5, 1)
    listings: Mapping[str, Sequence[Listing]] = field(default_factory=dict)
    unknown: Container[str] = ()
    own: Mapping[tuple[str, date], Records] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (symbol, day), records in self.own.items():
            start, moments = nanoseconds_of(day), records["ts_recv"]
            if np.any(moments < start) or np.any(moments >= start + DAY) or np.any(moments[1:] < moments[:-1]):
                raise ValueError(f"the own records of {symbol} on {day} are not all of that day, or not sorted by ts_recv")

    # -- symbols ------------------------------------------------------------------------------------------------------

    def is_session(self, symbol: str, day: date) -> bool:
        """Weekends have no trades, and the vendor resolves nothing on a day that is no session."""
        return day.weekday() < 5 or bool(len(self.own.get((symbol, day), ())))

    def resolve(self, dataset: str, symbol: str, stype_in: str, first: date, until: date) -> tuple[list[Listing], bool]:
        """What a symbol is in [first, until), and whether it is that on every session of it."""
        listed = [
            Listing(max(listing.first, first), min(listing.until, until), listing.instrument_id)
            for listing in self._listed(dataset, symbol, stype_in)
        ]
        found = [listing for listing in listed if any(self.is_session(symbol, day) for day in days(listing.first, listing.until))]
        covered = {day for listing in found for day in days(listing.first, listing.until)}
        return found, all(day in covered for day in days(first, until) if self.is_session(symbol, day))

    def _listed(self, dataset: str, symbol: str, stype_in: str) -> Sequence[Listing]:
        if stype_in != ("continuous" if _CONTINUOUS.fullmatch(symbol) else "raw_symbol") or symbol in self.unknown:
            return ()
        if symbol in self.listings:
            return self.listings[symbol]
        if not _TRADED.fullmatch(symbol):
            return ()
        return [Listing(self.opened, date.max, zlib.crc32(f"{dataset} {symbol}".encode()))]

    # -- records ------------------------------------------------------------------------------------------------------

    def records(self, schema: str, dataset: str, symbol: str, day: date, instrument_id: int) -> Records:
        """The records of a symbol on a day, sorted by the time of their schema."""
        tbbo = self._tbbo(dataset, symbol, day)
        tbbo["instrument_id"] = instrument_id
        made = tbbo if schema == "tbbo" else _fields(tbbo, TRADES)
        if schema == "ohlcv-1m":
            made = bars(made)
        made["length"], made["rtype"] = made.dtype.itemsize // 4, _RTYPES[made.dtype]
        made["publisher_id"] = _PUBLISHERS.get(dataset, 1)
        return made

    def count(self, dataset: str, symbol: str, day: date) -> int:
        """How many trades, and records of TBBO, a day has; known without making them."""
        if (symbol, day) in self.own:
            return len(self.own[symbol, day])
        return self._drawn(dataset, symbol, day)[1] if day.weekday() < 5 else 0

    def _drawn(self, dataset: str, symbol: str, day: date) -> tuple[np.random.Generator, int]:
        name = zlib.crc32(f"{dataset} {symbol}".encode())
        random = np.random.default_rng([self.seed, name, day.toordinal()])
        return random, int(random.integers(self.trades_a_day * 3 // 4, self.trades_a_day * 5 // 4 + 1))

    def _tbbo(self, dataset: str, symbol: str, day: date) -> Records:
        random, count = self._drawn(dataset, symbol, day)
        own = self.own.get((symbol, day))
        if own is None:
            name = zlib.crc32(symbol.encode())
            trades = _made(random, count if day.weekday() < 5 else 0, day, dollars=100 + name % 200)
        elif own.dtype == TBBO:
            return own.copy()
        else:
            trades = own
        return _quoted(random, trades)


def _fields(records: Records, layout: np.dtype[Any]) -> Records:
    made = np.zeros(len(records), layout)
    for name in TRADES.names or ():
        made[name] = records[name]
    return made


def _made(random: np.random.Generator, count: int, day: date, dollars: int) -> Records:
    """A day's trades: half an hour in all, here and there, is without any."""
    made = np.zeros(count, TRADES)
    minutes = _OPEN + random.permutation(_OPEN_MINUTES)[_QUIET_MINUTES:]
    moments = random.choice(minutes, count) * MINUTE + random.integers(0, MINUTE, count)
    made["ts_recv"] = nanoseconds_of(day) + np.sort(moments)
    # One in fifty was long on its way: ts_event is not sorted, and may lie in the minute before.
    late = np.where(random.random(count) < 0.02, 40_000_000_000, 200_000)
    made["ts_event"] = made["ts_recv"] - (late * random.random(count)).astype("u8")
    made["ts_in_delta"] = random.integers(5_000, 30_000, count)
    walked = np.cumsum(random.integers(-1, 2, count)) + dollars * 100 + day.toordinal() % 97
    made["price"] = np.maximum(walked, 100) * _TICK
    made["size"] = random.integers(1, 500, count)
    made["action"] = b"T"
    made["side"] = random.choice(np.array([b"A", b"B", b"N"], "S1"), count, p=[0.45, 0.45, 0.1])
    # 128 is the last of an event; 4 and 8 are the vendor's doubts of the book and of ts_recv.
    made["flags"] = random.choice(np.array([0, 128, 130, 132, 136], "u1"), count, p=[0.3, 0.5, 0.19, 0.005, 0.005])
    made["sequence"] = np.arange(1, count + 1) * 3
    return made


def _quoted(random: np.random.Generator, trades: Records) -> Records:
    """The quote before each trade: a buyer paid the ask, a seller took the bid; now and then one side is empty."""
    made, count = _fields(trades, TBBO), len(trades)
    spread = random.integers(1, 5, count) * _TICK
    made["bid_px_00"] = made["price"] - np.where(made["side"] == b"A", 0, spread)
    made["ask_px_00"] = made["price"] + np.where(made["side"] == b"B", 0, spread)
    empty = random.random(count)
    for side, missing in (("bid", empty < 0.004), ("ask", empty > 0.996)):
        made[f"{side}_px_00"][missing] = UNDEF_PRICE
        made[f"{side}_sz_00"] = np.where(missing, 0, random.integers(1, 1000, count))
        made[f"{side}_ct_00"] = np.where(missing, 0, random.integers(1, 10, count))
    return made


def bars(trades: Records) -> Records:
    """One-minute bars of one instrument's trades, as the vendor builds them: by ts_recv, every trade counts, no trade no bar."""
    minutes, firsts = np.unique(trades["ts_recv"] // np.uint64(MINUTE), return_index=True)
    made = np.zeros(len(minutes), OHLCV_1M)
    if not len(made):
        return made
    made["ts_event"] = minutes * np.uint64(MINUTE)
    made["instrument_id"] = trades["instrument_id"][firsts]
    made["open"], made["close"] = trades["price"][firsts], trades["price"][np.append(firsts[1:], len(trades)) - 1]
    made["high"] = np.maximum.reduceat(trades["price"], firsts)
    made["low"] = np.minimum.reduceat(trades["price"], firsts)
    made["volume"] = np.add.reduceat(trades["size"].astype("u8"), firsts)
    return made
