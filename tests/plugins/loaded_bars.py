"""What a database holds after loads, in forms that tests compare: bars, summaries, audit rows, findings of the checks."""

from decimal import Decimal
from typing import Any

from numpy.typing import NDArray

from tests.plugins.databases import Database

_UNIT = Decimal("1e-9")
_PRICES = ("open", "high", "low", "close")


def bars(database: Database) -> list[tuple[Any, ...]]:
    """Every bar without its ingest, in order; times as nanoseconds."""
    rows = database.rows(
        "select symbol, ts_ms, extract(epoch from ts) * 1000 as ms, open, high, low, close, volume"
        " from public.market_bars_ohlcv_1m order by symbol, ts"
    )
    assert all(row["ts_ms"] == row["ms"] for row in rows)
    return [(row["symbol"], row["ts_ms"] * 1_000_000, *(row[name] for name in _PRICES), row["volume"]) for row in rows]


def expected(records: NDArray[Any], symbol: str | dict[int, str]) -> list[tuple[Any, ...]]:
    """The same of a file's records, with Python's exact arithmetic; `symbol` by instrument where there are several."""
    names = symbol if isinstance(symbol, dict) else dict.fromkeys(records["instrument_id"].tolist(), symbol)
    return sorted(
        (
            names[int(record["instrument_id"])],
            int(record["ts_event"]),
            *(int(record[name]) * _UNIT for name in _PRICES),
            Decimal(int(record["volume"])),
        )
        for record in records
    )


def summaries(database: Database) -> list[dict[str, Any]]:
    """The summary rows, without what depends on how often something was loaded."""
    return database.rows(
        "select symbol, vendor, dataset, origin, bar_count, first_ts, last_ts, latest_close"
        " from public.market_bar_symbols order by symbol"
    )


def runs(database: Database) -> list[dict[str, Any]]:
    """The audit rows, the oldest first."""
    return database.rows("select * from public.data_ingest_runs order by id")


def counts(run: dict[str, Any]) -> tuple[int, ...]:
    """Rows, inserted, updated, changed, rejected of an audit row or of the command's answer."""
    return tuple(run[f"{name}_count"] for name in ("row", "inserted", "updated", "changed", "rejected"))


def findings(database: Database) -> list[dict[str, Any]]:
    """What the checks find when they recount everything."""
    with database.connect() as connection:
        connection.execute("select set_config('stage1.recount', 'all', false)")
        return connection.execute("select * from stage1_internal.validation_summary()").fetchall()
