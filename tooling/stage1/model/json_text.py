"""JSON as text, so that a number keeps every digit: jsonb is exact, Python's floats are not.

Imports nothing of ours. Refuses what PostgreSQL would change without a word: NaN, infinity, and a key that is given twice.
"""

import json
from dataclasses import dataclass
from typing import Any, NoReturn


@dataclass(frozen=True)
class JsonText:
    """A JSON document as PostgreSQL wrote it."""

    text: str

    def __str__(self) -> str:
        return self.text


def checked_object(text: str) -> str:
    """The text of a JSON object, as it was given; a ValueError says what is wrong with it."""
    try:
        found = json.loads(text, parse_constant=_refuse, parse_int=str, parse_float=str, object_pairs_hook=_once)
    except json.JSONDecodeError as problem:
        raise ValueError(f"not JSON: {problem}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply.") from None
    if not isinstance(found, dict):
        raise ValueError('a JSON object was expected, such as \'{"desk": "alpha"}\'.')
    return text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {json.dumps(repeated)} is given twice; jsonb would keep the last one alone.")
    return found
