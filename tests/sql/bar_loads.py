"""Loads in SQL alone, as the loader makes them: an audit row, staged bars, one merge a chunk, the end.

A bar is (symbol, minute, close): its minute is counted from 2024-01-02 00:00 UTC, its prices follow from the close.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

START = datetime(2024, 1, 2, tzinfo=UTC)
FIRST_MINUTE = int(START.timestamp()) // 60


def minute(number):
    """The time of a minute."""
    return START + timedelta(minutes=number)


def bars(symbol, first, until, close=100):
    """One bar a minute."""
    return [(symbol, number, close) for number in range(first, until)]


def row(connection, statement, *arguments):
    """The one row of a statement."""
    found = connection.execute(statement, arguments or None).fetchall()
    assert len(found) <= 1
    return found[0] if found else None


def value(connection, statement, *arguments):
    """The one value of a statement."""
    return next(iter(row(connection, statement, *arguments).values()))


def begin(connection, name="a.dbn", *, dataset="XNAS.ITCH", origin="vendor", sha=None, **given):
    """The id of a running ingest of a file whose sha256 follows from its name."""
    extra = "".join(f", p_{key} => %({key})s" for key in given)
    statement = (
        "select stage1_internal.begin_ingest(p_vendor => 'databento', p_dataset => %(dataset)s, p_origin => %(origin)s,"
        f" p_file_name => %(name)s, p_file_sha256 => %(sha)s, p_file_bytes => 1000{extra}) as id"
    )
    sha = sha or sha256(name.encode()).hexdigest()
    return connection.execute(statement, {"dataset": dataset, "origin": origin, "name": name, "sha": sha} | given).fetchone()[
        "id"
    ]


def open_load(connection, ingest, symbols, *, replace_origin=False):
    """Opens it for these symbols."""
    connection.execute("select stage1_internal.open_bar_load(%s, %s, %s)", [ingest, list(symbols), replace_origin])


def stage(connection, chunk):
    """Copies bars into the staging table, as whoever is connected."""
    with connection.cursor().copy("copy pg_temp.staged_bars from stdin") as copy:
        for symbol, number, close in chunk:
            copy.write_row((symbol, FIRST_MINUTE + number, close, close + 1, close - 1, close, 10))


def merge(connection, ingest):
    """(staged, inserted, updated, changed) of the staged chunk."""
    return tuple(row(connection, "select * from stage1_internal.merge_staged_bars(%s)", ingest).values())


def finish(connection, ingest, rejected=0, details="{}"):
    """The audit row."""
    return row(connection, "select * from stage1_internal.finish_bar_load(%s, %s, %s::jsonb)", ingest, rejected, details)


def load(connection, *chunks, name="a.dbn", replace_origin=False, **given):
    """A whole load; returns its audit row."""
    times = [minute(number) for chunk in chunks for _, number, _ in chunk]
    if times:
        connection.execute("select stage1_internal.ensure_bar_partitions(%s, %s)", [min(times), max(times)])
    ingest = begin(connection, name, **given)
    symbols = sorted({symbol for chunk in chunks for symbol, _, _ in chunk})
    open_load(connection, ingest, symbols, replace_origin=replace_origin)
    for chunk in chunks:
        stage(connection, chunk)
        merge(connection, ingest)
    return finish(connection, ingest)


def counts(audit):
    """(rows, inserted, updated, changed) of an audit row."""
    return tuple(audit[f"{name}_count"] for name in ("row", "inserted", "updated", "changed"))


def summary(connection, symbol):
    """(count, first, last, latest close, version) of a symbol's summary row, or None."""
    found = row(
        connection,
        "select bar_count, first_ts, last_ts, latest_close, version from public.market_bar_symbols where symbol = %s",
        symbol,
    )
    return found and tuple(found.values())


def stored(connection, symbol):
    """What the bars of a symbol are: minute, close and the ingest that owns them."""
    found = connection.execute(
        "select ts, close, ingestion_run_id from public.market_bars_ohlcv_1m where symbol = %s order by ts", [symbol]
    ).fetchall()
    return [((bar["ts"] - START) // timedelta(minutes=1), Decimal(bar["close"]), bar["ingestion_run_id"]) for bar in found]


def repeat(connection, name="a.dbn", options="{}", vendor="databento", details="{}"):
    """The audit row of the shortcut, or None."""
    sha = sha256(name.encode()).hexdigest()
    return row(
        connection,
        "select * from stage1_internal.repeat_ingest(%s, %s, %s, 1000, %s::jsonb, %s::jsonb)",
        vendor,
        f"again {name}",
        sha,
        options,
        details,
    )


def undo(connection, ingest):
    """The audit row of an undone ingest."""
    return row(connection, "select * from public.undo_ingest(%s)", ingest)
