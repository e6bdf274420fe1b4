"""Bars as the REST server sends them: a page as rows, a whole span as a stream of CSV or Arrow in bounded memory.

Owns the JSON form of a bar. Imports pyarrow (the extra `frames`) for Arrow alone; refuses nothing but what its readers refuse.
"""

import io
from collections.abc import Generator
from contextlib import closing
from typing import Any

from stage1.database.bar_reading import BarSpan
from stage1.database.targets import Target
from stage1.extras import needs
from stage1.model.json_text import JsonText
from stage1.operations.bar_files import lines
from stage1.operations.bar_stats import known_of
from stage1.settings import Settings

_PRICES = ("open", "high", "low", "close")
_UTC = "+00:00"


def rows(target: Target, settings: Settings, span: BarSpan) -> list[dict[str, Any]]:
    """The bars with their times and prices as text, each digit as it is stored; for spans that are limited."""
    with closing(lines(target, settings, span, header=False)) as blocks:
        return [_row(line) for block in blocks for line in block.decode().splitlines()]


def csv_blocks(target: Target, settings: Settings, span: BarSpan) -> Generator[bytes, None, None]:
    """The bars as lines of CSV under a header, in blocks; close it when it is not read to its end."""
    return lines(target, settings, span, header=True)


def arrow_blocks(target: Target, settings: Settings, span: BarSpan) -> Generator[bytes, None, None]:
    """The bars as a stream of Arrow, in blocks; close it when it is not read to its end."""
    with needs("frames"):
        import pyarrow  # noqa: F401 - whether it can be imported, while there is no answer yet
    about = {"symbol": span.symbol, "timeframe": "1m", **known_of(target, settings, span.symbol)}
    return _arrow_blocks(target, settings, span, about)


def _arrow_blocks(target: Target, settings: Settings, span: BarSpan, about: dict[str, str]) -> Generator[bytes, None, None]:
    import pyarrow as pa

    from stage1.operations.arrow_bars import arrow_batch, arrow_schema
    from stage1.operations.read_bars import stream

    schema, sink = arrow_schema(about), _Sink()
    with closing(stream(target, settings, span)) as blocks:
        # Not as a context: what ends early must not look as if it were whole.
        writer = pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema)
        for block in blocks:
            writer.write_batch(arrow_batch(block, schema))
            yield sink.taken()
    writer.close()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._written += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        """All of it since the last time."""
        whole = b"".join(self._pieces)
        self._pieces.clear()
        return whole


def _row(line: str) -> dict[str, Any]:
    ts, *prices, volume = line.split(",")
    return {
        "ts": f"{ts.removesuffix(_UTC)}Z" if ts.endswith(_UTC) else ts,
        **{name: price or None for name, price in zip(_PRICES, prices, strict=True)},
        # Any whole number is JSON; NaN and infinity, which a volume should not be, are not.
        "volume": JsonText(volume) if volume[-1:].isdigit() else volume or None,
    }
