"""Bars of a month as a Parquet file: the same bars are the same bytes.

Owns the columns beyond those of every file of bars, and how they are written. May import model; numpy and pyarrow are loaded with
it. Refuses what the disk refuses.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from stage1.model.bars import NANOSECONDS_A_MINUTE, UNDEFINED_PRICE
from stage1.model.minute_bars import Rows
from stage1.operations import whole_writing
from stage1.operations.arrow_bars import DECIMAL, PRICES, arrow_schema, decimals

_QUOTES = ("bid", "ask", "spread_mean")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# One group a file: a month has 44,640 minutes at most. Levels and versions are fixed, so that no library's default decides.
# Prices repeat too little for a dictionary, and minutes follow each other: a third smaller, and written sooner.
_WRITING: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "version": "2.6",
    "data_page_version": "1.0",
    "use_dictionary": ["volume", "trade_count"],
    "column_encoding": {"ts": "DELTA_BINARY_PACKED"},
}
_ROWS_A_GROUP = 65_536


def written_by() -> dict[str, str]:
    """What wrote the files: another version may choose other bytes for the same bars."""
    return {"pyarrow": pa.__version__}


def schema(about: dict[str, str], *, with_quotes: bool) -> pa.Schema:
    """The columns: those of every file of bars first, in their types."""
    columns = arrow_schema(about).append(pa.field("trade_count", pa.int64())).append(pa.field("vwap", DECIMAL))
    if with_quotes:
        for name in _QUOTES:
            columns = columns.append(pa.field(name, DECIMAL))
        columns = columns.append(pa.field("quote_count", pa.int64()))
    return columns


def write_part(path: Path, rows: Rows, columns: pa.Schema) -> dict[str, Any]:
    """Writes the bars of a month as path.part, flushed; returns what a manifest keeps of the file."""
    stream = pa.BufferOutputStream()
    with parquet.ParquetWriter(stream, columns, **_WRITING) as writer:
        writer.write_table(_table(rows, columns), row_group_size=_ROWS_A_GROUP)
    content = stream.getvalue()
    whole_writing.write_part(path, content)
    minutes = rows["minute"]
    return {
        "bytes": content.size,
        "first_ts": _time(int(minutes[0])),
        "last_ts": _time(int(minutes[-1])),
        "rows": len(minutes),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _table(rows: Rows, columns: pa.Schema) -> pa.Table:
    arrays: dict[str, pa.Array] = {
        "ts": _whole(rows["minute"] * NANOSECONDS_A_MINUTE, columns.field("ts").type),
        "volume": _whole(rows["volume"], columns.field("volume").type),
        "trade_count": _whole(rows["trade_count"], pa.int64()),
        **{name: decimals(rows[name]) for name in (*PRICES, "vwap")},
    }
    if "bid" in rows:
        arrays |= {name: _nullable(rows[name]) for name in _QUOTES} | {"quote_count": _whole(rows["quote_count"], pa.int64())}
    return pa.Table.from_arrays([arrays[name] for name in columns.names], schema=columns)


def _whole(values: NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    """Numbers that are not negative, as any type of 64 bits; `pa.array` would import pandas to look whether they are its."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _nullable(units: NDArray[np.int64]) -> pa.Array:
    defined = units != UNDEFINED_PRICE
    values = decimals(np.where(defined, units, 0))
    if defined.all():
        return values
    bits = pa.py_buffer(np.packbits(defined, bitorder="little").tobytes())
    return pa.Array.from_buffers(DECIMAL, len(units), [bits, values.buffers()[1]])


def _time(minute: int) -> str:
    return f"{_EPOCH + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"
