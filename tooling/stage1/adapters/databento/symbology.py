"""Which symbol a record is of: by its instrument id and its UTC day, from the header of its file or a symbology.json.

Owns the table of days. May import model, errors and the header. Refuses names that no symbol has, and mappings that do not
name instrument ids, with SymbolUnknown; records without a symbol, or with two, are marked and left to the caller.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stage1.adapters.databento.header import Header, Mapping, mapping, tells_instruments
from stage1.adapters.databento.json_file import read_json
from stage1.errors import ArgumentInvalid, SymbolUnknown
from stage1.model.bars import AMBIGUOUS, UNMAPPED

_NANOSECONDS_A_DAY = np.uint64(86_400_000_000_000)
_EPOCH = date(1970, 1, 1).toordinal()

# A key is an instrument id and a day since 1970; 2^64 ns are 213,504 days, fewer than 2^18.
_DAY_BITS = np.uint64(18)
_LAST_DAY = (1 << 18) - 1

_MOST_BYTES_OF_A_NAME = 255
_REPAIR = "Give the job's symbology.json with --symbology, or --symbol NAME if the file holds one instrument."


class Resolver:
    """Gives records their symbols, as indexes into `names`: every name that the header or the symbology.json knows."""

    def __init__(self, header: Header, symbology: Path | None = None, label: str | None = None) -> None:
        self.label = label
        if label is not None:
            problem = _problem_of(label)
            if problem:
                raise ArgumentInvalid(
                    f"{label!r} cannot be a symbol: {problem}.", detail="Expected --symbol with a name such as AAPL."
                )
            mappings = header.mappings
        elif symbology is not None:
            mappings = tuple(_from_json(symbology, header))
            _require_names(mappings, symbology)
        else:
            if not tells_instruments(header.stype_in, header.stype_out):
                raise SymbolUnknown(
                    f"{header.file} maps symbols from {header.stype_in} to {header.stype_out}.",
                    detail="Expected instrument_id, which is what its records have, on one of the two sides.",
                    hint=_REPAIR,
                )
            mappings = header.mappings
            _require_names(mappings, header.file)
        self._known = tuple(sorted({each.symbol for each in mappings}))
        self._keys, self._codes = _table(mappings, {name: code for code, name in enumerate(self._known)})
        self._hidden: set[str] = set()
        self._mapped: set[int] = set()
        self._unmapped: set[int] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols that codes mean, sorted."""
        return self._known if self.label is None else (self.label,)

    @property
    def labelled(self) -> tuple[str, ...]:
        """What the label hid so far: symbols, and instrument ids that never have one. More than one is not one instrument."""
        nameless = [f"instrument {number}" for number in self._unmapped - self._mapped]
        return tuple(sorted([*self._hidden, *nameless]))

    def codes(self, instrument_ids: NDArray[np.uint32], ts: NDArray[np.uint64]) -> NDArray[np.int32]:
        """For each record an index into `names`, or UNMAPPED, or AMBIGUOUS: two symbols for one id on one day."""
        keys = (instrument_ids.astype(np.uint64) << _DAY_BITS) | (ts // _NANOSECONDS_A_DAY)
        found = self._codes[np.searchsorted(self._keys, keys, "right") - 1]
        if self.label is None:
            return found
        self._hidden.update(self._known[code] for code in np.unique(found[found >= 0]))
        self._mapped.update(np.unique(instrument_ids[found >= 0]).tolist())
        self._unmapped.update(np.unique(instrument_ids[found < 0]).tolist())
        return np.zeros(len(found), np.int32)


def _table(mappings: Iterable[Mapping], codes: dict[str, int]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """From which key on which code holds. The first key is 0, so that every key has one before it."""
    steps: dict[int, list[tuple[int, int, int]]] = {}
    for each in mappings:
        first, until = (min(max(day.toordinal() - _EPOCH, 0), _LAST_DAY) for day in (each.first, each.until))
        if first < until:
            code = codes[each.symbol]
            steps.setdefault(each.instrument_id, []).extend(((first, code, 1), (until, code, -1)))
    keys, found = [0], [UNMAPPED]
    for number in sorted(steps):
        for day, code in _days(steps[number]):
            keys.append(number << int(_DAY_BITS) | day)
            found.append(code)
        # The next id has a step of its own, but the ids between the two have none.
        keys.append((number + 1) << int(_DAY_BITS))
        found.append(UNMAPPED)
    return np.array(keys, np.uint64), np.array(found, np.int32)


def _days(steps: list[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    """The days on which the symbol of an id changes, each with its new code."""
    holding: dict[int, int] = {}
    steps.sort()
    for at, (day, code, change) in enumerate(steps):
        holding[code] = holding.get(code, 0) + change
        if not holding[code]:
            del holding[code]
        if at + 1 == len(steps) or steps[at + 1][0] != day:
            yield day, UNMAPPED if not holding else next(iter(holding)) if len(holding) == 1 else AMBIGUOUS


def _from_json(path: Path, header: Header) -> Iterator[Mapping]:
    document = read_json(path, SymbolUnknown, _REPAIR)
    stype_in, stype_out = document.get("stype_in", header.stype_in), document.get("stype_out", header.stype_out)
    if not tells_instruments(stype_in, stype_out):
        raise SymbolUnknown(
            f"{path} maps symbols from {stype_in} to {stype_out}.",
            detail="Expected instrument_id, which is what records have, on one of the two sides.",
            hint=_REPAIR,
        )
    try:
        for given, intervals in document["result"].items():
            for each in intervals:
                if each["s"]:
                    first, until = (date.fromisoformat(each[key]) for key in ("d0", "d1"))
                    yield mapping(given, each["s"], first, until, stype_out)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise SymbolUnknown(
            f"{path} is not a symbology file ({type(problem).__name__}: {problem}).",
            detail='Expected {"result": {"ESH3": [{"d0": "2023-01-01", "d1": "2023-02-01", "s": "7"}]}, ...}.',
            hint=_REPAIR,
        ) from problem


def _require_names(mappings: Iterable[Mapping], source: Path | str) -> None:
    for name in {each.symbol for each in mappings}:
        problem = _problem_of(name)
        if problem:
            raise SymbolUnknown(
                f"{source} names the symbol {name[:50]!r}: {problem}.", detail="Expected a name such as AAPL.", hint=_REPAIR
            )


def _problem_of(name: str) -> str:
    if not name:
        return "it is empty"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "it holds control characters"
    if len(name.encode()) > _MOST_BYTES_OF_A_NAME:
        return f"it has more than {_MOST_BYTES_OF_A_NAME} bytes"
    return ""
