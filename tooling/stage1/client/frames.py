"""DataFrames of what the server answers. Nothing here is imported before somebody asks for a frame.

Owns their columns. pandas and pyarrow are imported inside of each function; where one is missing, the sentence names the extra.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stage1.client.problems import AnswerNotUnderstood
from stage1.client.transport import Query, Transport
from stage1.extras import needs
from stage1.model.bars import PRICE_UNITS

if TYPE_CHECKING:
    import pandas as pd

    from stage1.client.comparing import Comparison
    from stage1.client.datasets import Example

_ARROW = "application/vnd.apache.arrow.stream"
_PRICES = ("open", "high", "low", "close")
_RESULTS = ("score", "label", "explanation", "error")
_DECIMAL = "decimal128(19, 9)"
_EXACT_FLOATS = 2**53  # whole numbers up to here are floats exactly
_TIMES = ("started_at", "finished_at", "recorded_at")


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> "pd.DataFrame":
    """Rows as a frame with these columns, also where there are none."""
    with needs("frames"):
        import pandas as pd
    return pd.DataFrame(rows, columns=list(columns))


def examples_frame(examples: "Iterable[Example]") -> "pd.DataFrame":
    """Examples by source id; the columns of an object stand behind its name and a point."""
    rows, ids = [], []
    for example in examples:
        ids.append(example.source_id)
        parts = (("input", example.input), ("output", example.output), ("metadata", example.metadata))
        rows.append({f"{part}.{name}": item for part, fields in parts for name, item in fields.items()})
    with needs("frames"):
        import pandas as pd
    columns = list(dict.fromkeys(name for row in rows for name in row))
    columns.sort(key=lambda name: ("input", "output", "metadata").index(name.split(".")[0]))
    return pd.DataFrame(rows, index=pd.Index(ids, name="source_id", dtype=object), columns=columns)


def runs_frame(runs: Iterable[Mapping[str, Any]]) -> "pd.DataFrame":
    """Runs, each with the results of its evaluations beside it."""
    columns = ["source_id", "repetition", "output", "error", *_TIMES, "attempt"]
    names: dict[str, None] = {}
    rows = []
    for run in runs:
        row = {name: run.get(name) for name in columns}
        for evaluation in run["evaluations"]:
            names[evaluation["name"]] = None
            row |= {f"{evaluation['name']}.{part}": evaluation.get(part) for part in _RESULTS}
        rows.append(row)
    frame = frame_of(rows, [*columns, *(f"{name}.{part}" for name in sorted(names) for part in _RESULTS)])
    import pandas as pd

    for name in _TIMES:
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    return frame


def comparison_frame(comparison: "Comparison") -> "pd.DataFrame":
    """Examples of two experiments: the mean scores in both, and their difference where the content is the same."""
    names = sorted(evaluation.name for evaluation in comparison.evaluations)
    columns = ["source_id", "presence", "content_differs", "base_errors", "other_errors"]
    rows = []
    for pair in comparison:
        row = {name: pair.get(name) for name in columns[:3]}
        means = {}
        for side in ("base", "other"):
            runs = pair[f"{side}_runs"] or []
            row[f"{side}_errors"] = sum(run.get("error") is not None for run in runs)
            means[side] = _mean_scores(runs)
        for name in names:
            base, other = means["base"].get(name), means["other"].get(name)
            row |= {f"{name}.base": base, f"{name}.other": other, f"{name}.delta": None}
            if base is not None and other is not None and not pair["content_differs"]:
                row[f"{name}.delta"] = other - base
        rows.append(row)
    frame = frame_of(rows, [*columns, *(f"{name}.{part}" for name in names for part in ("base", "other", "delta"))])
    return frame.set_index("source_id")


def bars_frame(transport: Transport, query: Query, *, as_floats: bool) -> "pd.DataFrame":
    """Bars as `stage1.read_bars` gives them: exact decimals, or the floats nearest to them."""
    with needs("frames"):
        import pandas as pd
        import pyarrow as pa
    answer = transport.ask("GET", "/v1/bars", query=query, accept=_ARROW, is_safe=True, is_streamed=True)
    if answer.media_type != _ARROW:
        answer.close()
        raise AnswerNotUnderstood(f"The bars came as {answer.media_type or 'nothing known'}; {_ARROW} was asked for.")
    source = io.BufferedReader(_Readable(answer.pieces()), 1 << 20)
    try:
        with pa.ipc.open_stream(source) as stream:
            table = stream.read_all()
        while source.read(1 << 16):
            pass  # the end of the answer tells that it is whole
    except pa.ArrowInvalid as problem:
        raise AnswerNotUnderstood(f"The bars could not be read: {problem}.") from None
    finally:
        answer.close()
    if any(str(table[name].type) != _DECIMAL for name in _PRICES):
        raise AnswerNotUnderstood(f"The prices came as {table['open'].type}; {_DECIMAL} was expected.")
    index = pd.DatetimeIndex(table["ts"].cast(pa.int64()).to_numpy().view("M8[ns]"), name="ts").tz_localize("UTC")
    columns: dict[str, Any] = {}
    for name in _PRICES:
        prices = table[name]
        columns[name] = _floats(prices) if as_floats else pd.array(prices.combine_chunks(), dtype=pd.ArrowDtype(prices.type))
    volume = table["volume"]
    columns["volume"] = pd.array(volume.to_pylist(), dtype="UInt64") if volume.null_count else volume.to_numpy()
    return pd.DataFrame(columns, index=index)


class _Readable(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _floats(column: Any) -> Any:
    import numpy as np

    prices = column.combine_chunks()
    # Sixteen bytes each, of which the first eight are the number in units of 1e-9.
    units = np.frombuffer(prices.buffers()[1] or b"", "<i8")[2 * prices.offset : 2 * (prices.offset + len(prices)) : 2]
    found = units / np.float64(PRICE_UNITS)
    large = np.flatnonzero((units > _EXACT_FLOATS) | (units < -_EXACT_FLOATS))
    # numpy would round these twice; Python divides whole numbers of any size right.
    found[large] = [unit / PRICE_UNITS for unit in units[large].tolist()]
    return found


def _mean_scores(runs: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for run in runs:
        for evaluation in run.get("evaluations") or []:
            if evaluation.get("score") is not None:
                scores.setdefault(evaluation["name"], []).append(evaluation["score"])
    return {name: sum(found) / len(found) for name, found in scores.items()}
