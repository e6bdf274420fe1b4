"""Bars out of the database as frames and as blocks: exact decimals unless floats are asked for.

Owns what a bound of time may be. Imports numpy and pyarrow, pandas for frames alone; refuses nothing: a value that has no
exact form is refused where it is decoded.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from stage1 import settings as settings_module
from stage1.database import bar_reading
from stage1.database.bar_reading import BarSpan
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.errors import ArgumentInvalid
from stage1.model.bars import PRICE_UNITS
from stage1.operations.arrow_bars import DECIMAL, PRICES, decimals
from stage1.operations.bar_files import unhurried
from stage1.operations.choose_database import choose_database
from stage1.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from stage1.database.bar_decoding import BarColumns

_EXACT_FLOATS = 2**53  # whole numbers up to here are floats exactly

Moment = datetime | date | np.datetime64 | str | None


def read_bars(
    symbol: str,
    start: Moment = None,
    end: Moment = None,
    *,
    prices: Literal["decimal", "float"] = "decimal",
    database: str | None = None,
) -> "pd.DataFrame":
    """The bars of a symbol from `start` until before `end`, by their time; what is not given is not a bound.

    Times are datetimes, dates or ISO 8601 text, without an offset UTC. Prices are decimals of nine places
    (`pandas.ArrowDtype`), or with prices="float" the floats nearest to them. Volumes are uint64, and UInt64 where one is
    unknown. `database` is a URL; without it the one of the environment, as for every command.
    """
    if prices not in ("decimal", "float"):
        raise ArgumentInvalid(f"prices was {prices!r}; 'decimal' or 'float' was expected.")
    span = BarSpan(symbol, moment("start", start), moment("end", end))
    settings = settings_module.load()
    target = choose_database(settings, database, "existing", lambda _: None)
    return frame(target, settings, span, as_floats=prices == "float")


def frame(target: Target, settings: Settings, span: BarSpan, *, as_floats: bool) -> "pd.DataFrame":
    """The bars as a DataFrame; each block becomes what the frame holds as soon as it is there."""
    import pandas as pd  # 50 MiB that an export to a file does not need

    form: Callable[[NDArray[np.int64]], NDArray[Any]] = floats if as_floats else _same
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ("ts", *PRICES, "volume", "volume_is_null")}
    with closing(stream(target, settings, span)) as blocks:
        for block in blocks:
            parts["ts"].append(block.ts)
            for name in PRICES:
                parts[name].append(form(getattr(block, name)))
            parts["volume"].append(block.volume)
            parts["volume_is_null"].append(
                np.zeros(len(block), np.bool_) if block.volume_is_null is None else block.volume_is_null
            )
    types = {"ts": np.int64, **dict.fromkeys(PRICES, np.float64 if as_floats else np.int64), "volume": np.uint64}
    whole: dict[str, Any] = {name: np.concatenate([np.zeros(0, kind), *parts.pop(name)]) for name, kind in types.items()}
    is_null = np.concatenate([np.zeros(0, np.bool_), *parts.pop("volume_is_null")])
    if is_null.any():
        whole["volume"] = pd.arrays.IntegerArray(whole["volume"], is_null)
    if not as_floats:
        whole |= {name: pd.array(decimals(whole[name]), dtype=pd.ArrowDtype(DECIMAL)) for name in PRICES}
    index = pd.DatetimeIndex(whole.pop("ts").view("M8[ns]"), name="ts").tz_localize("UTC")
    return pd.DataFrame(whole, index=index, copy=False)


def stream(
    target: Target, settings: Settings, span: BarSpan, rows: int = bar_reading.ROWS
) -> Generator["BarColumns", None, None]:
    """The bars, block by block; close it when it is not read to its end."""
    with (
        connected(target, unhurried(settings), Purpose.READ) as connection,
        closing(bar_reading.read_columns(connection, span, rows)) as blocks,
    ):
        yield from blocks


def floats(units: NDArray[np.int64]) -> NDArray[np.float64]:
    """Units of 1e-9 as the nearest floats."""
    found = units / np.float64(PRICE_UNITS)
    large = np.flatnonzero((units > _EXACT_FLOATS) | (units < -_EXACT_FLOATS))
    if len(large):
        # numpy would round them twice; Python divides whole numbers of any size right.
        found[large] = [unit / PRICE_UNITS for unit in units[large].tolist()]
    return found


def moment(name: str, given: Moment) -> datetime | None:
    """A bound in any of its forms."""
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            raise ArgumentInvalid(f"{name} was {given!r}; a time like 2023-01-03 or 2023-01-03T14:30:00Z was expected.") from None
    if isinstance(given, np.datetime64):
        given = None if np.isnat(given) else given.astype("M8[us]").item()
    if given is None or given != given:  # pandas' NaT is equal to nothing
        return None
    if isinstance(given, date) and not isinstance(given, datetime):
        given = datetime.combine(given, time.min)
    if not isinstance(given, datetime):
        raise ArgumentInvalid(f"{name} was {given!r}; a datetime, a date or ISO 8601 text was expected.")
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _same(units: NDArray[np.int64]) -> NDArray[np.int64]:
    return units
