"""Python values as JSON values: what each kind of value becomes, or why it is refused.

| value | becomes |
|---|---|
| None, bool, int, float, str, and kinds of int, float and str (enumerations, numpy.float64) | itself |
| dict whose keys are texts; list and tuple | an object; an array |
| Decimal | the number, where a double holds every digit of it; else refused: nothing is rounded |
| scalars of numpy | the Python value that their `item()` gives |
| datetime with a zone, pandas.Timestamp | text: UTC, ISO 8601, `Z`, a fraction of 6 or 9 digits where there is one |
| date, UUID | text: ISO 8601; lower case with hyphens |
| NaN, infinity, NaT, NA | refused: whoever means "nothing" says None |
| datetime without a zone | refused: nobody else can tell which moment it is |
| datetime64, timedelta, arrays, bytes, sets and every other kind | refused |

Imports of ours the rules alone, and neither numpy nor pandas: a value can be theirs only where they are imported.
"""

import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, cast

from stage1.model.canonical_rules import (
    MAX_DEPTH,
    MAX_SAFE_INTEGER,
    NotCanonical,
    Reason,
    float_value,
    integer_value,
    not_finite,
    number_value,
    shown,
    text_problem,
)

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]


def json_value(value: object, max_depth: int = MAX_DEPTH) -> JsonValue:
    """A copy that holds JSON values alone, its numbers as their canonical form is read."""
    kind = type(value)
    if kind is str:
        return _text(cast(str, value))
    if kind is int:
        number = cast(int, value)
        return number if -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER else integer_value(number)
    if kind is float:
        return float_value(cast(float, value))
    if value is None or kind is bool:
        return cast(bool | None, value)
    if isinstance(value, dict):
        return _object(value, max_depth)
    if isinstance(value, list | tuple):
        return _array(value, max_depth)
    if isinstance(value, NotCanonical):  # the parser's mark: what stood here in the text
        raise value
    return _of_another_kind(value, max_depth)


def _text(text: str) -> str:
    if (not text.isascii() or "\0" in text) and (problem := text_problem(text)):
        raise problem
    return text


def _object(value: dict[Any, Any], max_depth: int) -> JsonValue:
    if max_depth <= 0:
        raise too_deep()
    found: dict[str, JsonValue] = {}
    for key, item in value.items():
        name = key if type(key) is str and key.isascii() and "\0" not in key else _key(key)
        try:
            found[name] = json_value(item, max_depth - 1)
        except NotCanonical as refused:
            raise refused.within(name) from None
    if len(found) < len(value):
        raise NotCanonical(Reason.DUPLICATE_KEY, "two keys of the object are the same text.")
    return found


def _key(key: object) -> str:
    # A key that is refused is no step of a pointer: the pointer names the object that holds it.
    if not isinstance(key, str):
        raise NotCanonical(Reason.KEY_NOT_TEXT, f"a key is a {_kind(key)}; the keys of a JSON object are texts.")
    name = str.__str__(key)
    if problem := text_problem(name):
        raise NotCanonical(problem.reason, f"of the key {shown(name)}: {problem.message}")
    return name


def _array(value: Iterable[object], max_depth: int) -> JsonValue:
    if max_depth <= 0:
        raise too_deep()
    found: list[JsonValue] = []
    for item in value:
        try:
            found.append(json_value(item, max_depth - 1))
        except NotCanonical as refused:
            raise refused.within(len(found)) from None
    return found


def _of_another_kind(value: object, max_depth: int) -> JsonValue:
    decimal, numpy, pandas, uuid = (sys.modules.get(name) for name in ("decimal", "numpy", "pandas", "uuid"))
    if pandas and any(value is getattr(pandas, name, None) for name in ("NaT", "NA")):
        raise not_finite(str(value))
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, float):
        return float_value(float.__float__(value))
    if isinstance(value, int):
        return integer_value(int.__int__(value))
    if decimal and isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise not_finite(str(value))
        return number_value(str(value))
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if uuid and isinstance(value, uuid.UUID):
        return str(value)
    if numpy and isinstance(value, numpy.generic) and not isinstance(value, numpy.datetime64 | numpy.timedelta64):
        item = value.item()
        if not isinstance(item, numpy.generic):  # a longdouble has no Python value
            return json_value(item, max_depth)
    raise NotCanonical(Reason.NOT_A_JSON_VALUE, f"a {_kind(value)} is no JSON value. Make it a text, a number or a list.")


def _moment(value: datetime) -> str:
    if value.utcoffset() is None:
        raise NotCanonical(Reason.NOT_A_JSON_VALUE, "a datetime without a time zone is no moment. Give it one, such as UTC.")
    try:
        return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    except (OverflowError, ValueError):  # pandas has an error of its own
        raise NotCanonical(Reason.NOT_A_JSON_VALUE, "a datetime is outside of the years that its kind has in UTC.") from None


def _kind(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def too_deep() -> NotCanonical:
    return NotCanonical(Reason.TOO_DEEP, "arrays and objects stand too deep within each other. Flatten the document.")
