"""The types of bars in Arrow and Parquet, wherever the bars come from.

Owns the columns of every file of bars. Imports numpy and pyarrow, and no database: bars are derived without one.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from stage1.database.bar_decoding import BarColumns

PRICES = ("open", "high", "low", "close")
DECIMAL = pa.decimal128(19, 9)  # whatever fits 64 bits of 1e-9

_INSTANT = pa.timestamp("ns", tz="UTC")


def arrow_schema(metadata: dict[str, str]) -> pa.Schema:
    """The columns of Arrow and Parquet files."""
    columns = [("ts", _INSTANT), *((name, DECIMAL) for name in PRICES), ("volume", pa.uint64())]
    return pa.schema(columns, metadata=metadata)


def arrow_batch(block: "BarColumns", schema: pa.Schema) -> pa.RecordBatch:
    """A block in Arrow's form; the whole numbers are not copied into Python objects."""
    volume = pa.array(block.volume, mask=block.volume_is_null)
    columns = [pa.array(block.ts).cast(_INSTANT), *(decimals(getattr(block, name)) for name in PRICES), volume]
    return pa.record_batch(columns, schema=schema)


def decimals(units: NDArray[np.int64]) -> pa.Array:
    """Units of 1e-9 as decimals: the same numbers, in 128 bits."""
    wide = np.empty((len(units), 2), "<i8")
    wide[:, 0] = units
    np.right_shift(units, 63, out=wide[:, 1])
    return pa.Array.from_buffers(DECIMAL, len(units), [None, pa.py_buffer(wide)])
