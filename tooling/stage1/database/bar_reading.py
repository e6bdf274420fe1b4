"""Reads stored bars by COPY: as columns of whole numbers, or as lines of text; never more of them in memory than a block.

Owns the one statement that reads market_bars_ohlcv_1m, and how its rows are taken from libpq. Imports psycopg; numpy only
where columns are asked for, since lines need none. Refuses text that PostgreSQL cannot hold.
"""

import io
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from stage1.database.connections import Connection
from stage1.errors import ArgumentInvalid, ArgumentMissing, SpanInverted

if TYPE_CHECKING:
    from stage1.database.bar_decoding import BarColumns

_BARS = "copy (select {columns} from public.market_bars_ohlcv_1m where {span}{order}) to stdout (format {format})"
_NUMBERS = sql.SQL("ts, open, high, low, close, volume")
# JSON's form of a time is ISO 8601, whatever the year; a price is shown without the zeros that it does not need.
_TEXTS = sql.SQL(
    "pg_catalog.to_json(ts) #>> '{}' as ts, pg_catalog.trim_scale(open) as open, pg_catalog.trim_scale(high) as high, "
    "pg_catalog.trim_scale(low) as low, pg_catalog.trim_scale(close) as close, pg_catalog.trim_scale(volume) as volume"
)
_FIXED_HEADER = 19  # bytes before the first row of binary COPY, the last four of them the length of an extension
_END_OF_ROWS = 2  # bytes of the trailer; a row is never so short

# So many rows are decoded at a time: their bytes stay in the processor's cache, and PostgreSQL goes on meanwhile.
ROWS = 4096
_TEXT = 1 << 16


@dataclass(frozen=True, slots=True)
class BarSpan:
    """Which bars: those of a symbol that start at `start` or later and before `until`, at most `limit` from the first on."""

    symbol: str
    start: datetime | None = None
    until: datetime | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if not self.symbol:
            raise ArgumentMissing("symbol is empty; one such as ESH3 was expected.", hint="`stage1 stats` lists them.")
        if "\0" in self.symbol or any("\ud800" <= character <= "\udfff" for character in self.symbol):
            raise ArgumentInvalid("symbol is not UTF-8 without NUL, and so cannot be one in the database.")
        if self.start and self.until and self.start > self.until:
            raise SpanInverted(f"from {self.start.isoformat()} is later than until {self.until.isoformat()}.")


def read_columns(connection: Connection, span: BarSpan, rows: int = ROWS) -> Generator["BarColumns", None, None]:
    """The bars in order of time, so many at a time."""
    from stage1.database.bar_decoding import decode

    for block, sizes in _binary_rows(connection, _statement(span, _NUMBERS, "binary"), rows):
        yield decode(block, sizes)


def read_lines(connection: Connection, span: BarSpan, *, header: bool) -> Generator[bytes, None, None]:
    """The bars in order of time, as whole lines of CSV; nothing in them needs a quote."""
    block = io.BytesIO()
    with connection.cursor().copy(_statement(span, _TEXTS, "csv, header" if header else "csv")) as copy:
        for line in copy:
            if block.write(line) and block.tell() >= _TEXT:
                yield block.getvalue()
                block = io.BytesIO()
    if block.tell():
        yield block.getvalue()


def count(connection: Connection, span: BarSpan) -> int:
    """How many bars there are, whatever the limit."""
    with connection.cursor().copy(_statement(span, sql.SQL("pg_catalog.count(*)"), "csv", rows=False)) as copy:
        return int(b"".join(copy))


def _statement(span: BarSpan, columns: sql.SQL, output: str, *, rows: bool = True) -> sql.Composed:
    conditions = [sql.SQL("symbol = {}").format(sql.Literal(span.symbol))]
    if span.start is not None:
        conditions.append(sql.SQL("ts >= {}").format(sql.Literal(span.start)))
    if span.until is not None:
        conditions.append(sql.SQL("ts < {}").format(sql.Literal(span.until)))
    order = [sql.SQL(" order by ts")] if rows else []
    if rows and span.limit is not None:
        order.append(sql.SQL(f" limit {span.limit:d}"))
    return sql.SQL(_BARS).format(
        columns=columns, span=sql.SQL(" and ").join(conditions), order=sql.Composed(order), format=sql.SQL(output)
    )


def _binary_rows(connection: Connection, statement: sql.Composed, rows: int) -> Generator[tuple[bytes, list[int]], None, None]:
    """Blocks of whole rows and the size of each.

    libpq hands over one row at a time, and `Copy.read` spends more on each than PostgreSQL does: rows that have arrived are
    taken from libpq itself, and only waiting and the end are left to it.
    """
    take = connection.pgconn.get_copy_data
    with connection.cursor().copy(statement) as copy:
        row = copy.read()
        row = row[_FIXED_HEADER + int.from_bytes(row[_FIXED_HEADER - 4 : _FIXED_HEADER], "big") :]
        size = len(row)
        block, sizes = io.BytesIO(), list[int]()
        while size != _END_OF_ROWS:
            if size:  # the header may have come alone
                block.write(row)
                sizes.append(size)
            if len(sizes) >= rows:
                yield block.getvalue(), sizes
                block, sizes = io.BytesIO(), []
            size, row = take(1)
            if size == 0:
                row = copy.read()
                size = len(row)
            elif size < 0:
                raise _failure(connection)
        if copy.read():
            raise psycopg.DataError("binary COPY went on after its end")
    if sizes:
        yield block.getvalue(), sizes


def _failure(connection: Connection) -> psycopg.Error:
    """Why the rows ended early; takes all results, so that the connection can be used again."""
    problem: psycopg.Error = psycopg.OperationalError("the rows ended early")
    while (result := connection.pgconn.get_result()) is not None:
        problem = psycopg.errors.error_from_result(result)
    if problem.sqlstate is None:
        # Not PostgreSQL speaks but libpq: the connection is gone.
        problem = psycopg.OperationalError(str(problem))
    return problem
