"""Rows as examples: iterables of mappings, and DataFrames.

A row is a mapping with `source_id`, `input`, and where wanted `output` and `metadata`, which are objects; where keys are
named, the columns of `input_keys`, `output_keys` and `metadata_keys` are gathered into the three objects instead. A source id
is a text; a whole number, a UUID, a date and a moment become the text that they are as a value.

Each kind of value has one rule, at every depth (`stage1.model.canonical_values`):

| value | becomes |
|---|---|
| None, bool, int, float, str, and kinds of int, float and str (enumerations, numpy.float64) | itself |
| dict whose keys are texts; list and tuple | an object; an array |
| Decimal | the number, where a double holds every digit of it; else refused: nothing is rounded |
| scalars of numpy | the Python value that their `item()` gives |
| datetime with a zone, pandas.Timestamp | text: UTC, ISO 8601, `Z`, a fraction of 6 or 9 digits where there is one |
| date, UUID | text: ISO 8601; lower case with hyphens |
| NaN, NaT, NA | refused; with missing="null" null; with missing="drop" the key is left out (in an array: null) |
| infinity | refused |
| integers beyond 2^53 - 1, a datetime without a zone, datetime64, timedelta, arrays, bytes, sets, every other kind | refused |

None is a value and stays null. Refuses a row with its source id and the place in it. Imports the model; numpy and pandas
are looked for only where they are imported.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stage1.errors import ArgumentInvalid, ContentRefused
from stage1.model.canonical_json import MAX_DEPTH, JsonValue, NotCanonical
from stage1.model.canonical_rules import Reason, shown
from stage1.model.canonical_values import json_value
from stage1.model.example_lines import Example, example_of
from stage1.model.json_lines import EntryRefused

Missing = Literal["refuse", "null", "drop"]
SourceIdKey = str | Callable[[Mapping[str, Any]], Any]
_PARTS = ("input", "output", "metadata")
_LEFT_OUT = object()


@dataclass(frozen=True)
class RowForm:
    """How a row is read: where its source id stands, and which columns make up its three objects."""

    source_id_key: SourceIdKey = "source_id"
    input_keys: tuple[str, ...] | None = None
    output_keys: tuple[str, ...] | None = None
    metadata_keys: tuple[str, ...] | None = None
    missing: Missing = "refuse"

    @property
    def gathers(self) -> bool:
        return not (self.input_keys is None and self.output_keys is None and self.metadata_keys is None)


def row_form(
    source_id_key: SourceIdKey,
    input_keys: Sequence[str] | None,
    output_keys: Sequence[str] | None,
    metadata_keys: Sequence[str] | None,
    missing: Missing,
) -> RowForm:
    """The form that a caller asks for, checked."""
    if missing not in ("refuse", "null", "drop"):
        raise ArgumentInvalid(f"missing was {missing!r}; 'refuse', 'null' or 'drop' was expected.")
    if not isinstance(source_id_key, str) and not callable(source_id_key):
        raise ArgumentInvalid("source_id_key is the name of a column, or a function that makes the source id of a row.")
    return RowForm(source_id_key, _names(input_keys), _names(output_keys), _names(metadata_keys), missing)


def examples_of(rows: Any, form: RowForm) -> Iterator[Example]:
    """The examples that rows are, one after the other."""
    for number, row in enumerate(_mappings(rows, form), start=1):
        yield _example(row, number, form)


def object_of(given: Mapping[str, Any], what: str) -> JsonValue:
    """A mapping as a JSON object, by the rules for rows."""
    if not isinstance(given, Mapping):
        raise ArgumentInvalid(f"{what} was a {type(given).__name__}; a mapping was expected.")
    try:
        return json_value(dict(given))
    except NotCanonical as refused:
        raise ContentRefused(f"{what}: {refused}", pointer=f"/{what}{refused.pointer}") from None


def count_of(rows: Any) -> int | None:
    """How many rows there are, where that is known."""
    try:
        return len(rows)
    except TypeError:
        return None


def _example(row: Any, number: int, form: RowForm) -> Example:
    if not isinstance(row, Mapping):
        row = _with_attributes(row, number)
    source_id = _source_id(row, number, form)
    parts = _gathered(row, number, source_id, form) if form.gathers else _given(row, number, source_id, form)
    try:
        try:
            return example_of(source_id, *parts)
        except EntryRefused as refused:
            # Asked only now, so that rows without gaps pay nothing for it.
            if refused.code != Reason.NOT_FINITE or form.missing == "refuse":
                raise
            return example_of(source_id, *(_filled(part, form.missing) for part in parts))
    except EntryRefused as refused:
        hint = "missing='null' or missing='drop' says what a gap means." if refused.code == Reason.NOT_FINITE else ""
        raise ContentRefused(
            f"{_place(number, source_id)}{', ' + refused.pointer if refused.pointer else ''}: {refused.message}",
            hint=hint,
            pointer=refused.pointer,
            line=number,
        ) from None


def _mappings(rows: Any, form: RowForm) -> Iterable[Any]:
    pandas = sys.modules.get("pandas")
    if pandas and isinstance(rows, pandas.DataFrame):
        return _rows_of(rows, form)
    if isinstance(rows, Mapping | str | bytes):
        raise ArgumentInvalid("examples is an iterable of rows, or a DataFrame; one mapping or text was given.", hint="[row]")
    try:
        found: Iterator[Any] = iter(rows)
    except TypeError:
        raise ArgumentInvalid(
            f"examples is an iterable of rows, or a DataFrame; a {type(rows).__name__} was given.", hint="[row]"
        ) from None
    return found


def _rows_of(frame: Any, form: RowForm) -> Iterator[dict[str, Any]]:
    key = form.source_id_key
    if isinstance(key, str) and key not in frame.columns and key in frame.index.names:
        frame = frame.reset_index(key)
    if not frame.columns.is_unique:
        raise ArgumentInvalid("Two columns of the frame have one name.", hint="Rename one of them.")
    if form.gathers and isinstance(key, str):
        wanted = [key, *(name for keys in (form.input_keys, form.output_keys, form.metadata_keys) for name in keys or ())]
        if absent := [name for name in wanted if name not in frame.columns]:
            raise ArgumentInvalid(
                f"The frame has no column {shown(absent[0])}; its columns are {', '.join(map(str, frame.columns))}."
            )
        frame = frame[list(dict.fromkeys(wanted))]
    names = list(frame.columns)
    # Column by column, values come as Python's own; row by row they would be numpy's, ten times slower.
    for values in frame.itertuples(index=False, name=None):
        yield dict(zip(names, values, strict=True))


def _with_attributes(row: Any, number: int) -> dict[str, Any]:
    # What a Dataset yields can be given back.
    found = {name: getattr(row, name) for name in ("source_id", *_PARTS) if hasattr(row, name)}
    if "source_id" not in found:
        raise ArgumentInvalid(f"Row {number:,} is a {type(row).__name__}; a mapping, or an Example, was expected.")
    return found


def _source_id(row: Mapping[str, Any], number: int, form: RowForm) -> str:
    key = form.source_id_key
    if isinstance(key, str):
        given = row.get(key, _LEFT_OUT)
        if given is _LEFT_OUT:
            raise ArgumentInvalid(
                f"Row {number:,} has no {shown(key)}; its keys are {', '.join(map(str, row))}.",
                hint="source_id_key names the column of the source id, or is a function that makes it of the row.",
            )
    else:
        given = key(row)
    if type(given) is str:
        return given
    try:
        value = json_value(given)
    except NotCanonical as refused:
        raise ArgumentInvalid(f"The source id of row {number:,}: {refused.message}") from None
    if isinstance(value, str):
        return value
    # A float that looks whole may be an integer that lost digits on its way through a column with gaps.
    if isinstance(value, int) and not isinstance(value, bool) and not isinstance(given, float):
        return str(value)
    raise ArgumentInvalid(
        f"The source id of row {number:,} was {given!r}; a text, a whole number, a UUID or a date was expected."
    )


def _given(row: Mapping[str, Any], number: int, source_id: str, form: RowForm) -> list[Any]:
    if "input" not in row:
        raise ArgumentInvalid(
            f"{_place(number, source_id)} has no input; its keys are {', '.join(map(str, row))}.",
            hint="input_keys=[...], output_keys=[...] and metadata_keys=[...] say which columns belong where.",
        )
    known = {*_PARTS, "source_id", "content_hash"}
    if isinstance(form.source_id_key, str):
        known.add(form.source_id_key)
        if unknown := [name for name in row if name not in known]:
            raise ArgumentInvalid(
                f"{_place(number, source_id)} has {shown(str(unknown[0]))}, which is no part of an example.",
                hint="Put it into input, output or metadata, or name the columns: input_keys, output_keys, metadata_keys.",
            )
    return [row["input"], row.get("output"), row.get("metadata")]


def _gathered(row: Mapping[str, Any], number: int, source_id: str, form: RowForm) -> list[Any]:
    found = []
    for part, keys in zip(_PARTS, (form.input_keys, form.output_keys, form.metadata_keys), strict=True):
        gathered = {}
        for name in keys or ():
            if name in row:
                gathered[name] = row[name]
            elif form.missing == "refuse":
                raise ArgumentInvalid(
                    f"{_place(number, source_id)} has no {shown(name)}, which was named for its {part}.",
                    hint="missing='null' or missing='drop' says what a gap means.",
                )
            elif form.missing == "null":
                gathered[name] = None
        found.append(gathered)
    return found


def _filled(value: Any, missing: Missing, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:  # it is refused for its depth, and may be without end
        return value
    if isinstance(value, dict):
        kept = ((key, item) for key, item in value.items() if missing == "null" or not _is_gap(item))
        return {key: _filled(item, missing, depth + 1) for key, item in kept}
    if isinstance(value, list | tuple):
        return [_filled(item, missing, depth + 1) for item in value]
    return None if _is_gap(value) else value


def _is_gap(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    if pandas and (value is pandas.NA or value is pandas.NaT):
        return True
    # NaN is equal to nothing, whatever its kind; an array answers with an array, and is refused later.
    return not isinstance(value, str) and (differs := value != value) is not False and differs is not None and _true(differs)


def _true(value: Any) -> bool:
    try:
        return bool(value)
    except (TypeError, ValueError):
        return False


def _names(keys: Sequence[str] | None) -> tuple[str, ...] | None:
    if keys is None:
        return None
    found = (keys,) if isinstance(keys, str) else tuple(keys)
    if not all(isinstance(name, str) for name in found):
        raise ArgumentInvalid("input_keys, output_keys and metadata_keys are names of columns: texts.")
    return found


def _place(number: int, source_id: str) -> str:
    return f"Row {number:,} (source id {shown(source_id)})"
