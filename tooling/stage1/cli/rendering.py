"""The only place that prints. stdout is data, stderr is talk.

Owns the three forms of an answer: a table for people, JSON and CSV for programs. A terminal gets tables, a pipe
gets JSON, unless --format says otherwise. Data never reaches a terminal raw: what is not printable is shown escaped.
Refuses nothing; a closed pipe is the boundary's business.
"""

import csv
import io
import json
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from stage1.model.json_text import JsonText

Row = Mapping[str, object]


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Verbosity(StrEnum):
    """How much is said beside the answer."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


class ReaderGone(Exception):
    """Whoever read the answer has seen enough and closed the pipe."""


@dataclass(frozen=True)
class Section:
    """A titled list of rows, one part of a longer answer."""

    title: str
    rows: Sequence[Row]


_LEAST_TO_WRAP = 24  # columns; a narrower text is harder to read than a broken line


def chosen_format(wanted: str | None) -> Format:
    """The format that was asked for, else the one that fits where stdout goes."""
    if wanted:
        return Format(wanted)
    return Format.TABLE if sys.stdout.isatty() else Format.JSON


def say(text: str) -> None:
    """Talks to the person at the terminal."""
    print("\n".join(map(_printable, text.split("\n"))), file=sys.stderr, flush=True)


def overwrite(text: str) -> None:
    """Puts a text into the terminal's last line, in place of what was there."""
    room = shutil.get_terminal_size().columns - 1
    print(f"\r\x1b[K{_printable(text)[:room]}", end="", file=sys.stderr, flush=True)


def write(text: str) -> None:
    """Writes data that is text already."""
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGone from None


def show_rows(rows: Sequence[Row], output_format: Format) -> None:
    """Shows a list."""
    if output_format is Format.JSON:
        write(_json(rows))
    elif output_format is Format.CSV:
        _csv(rows)
    else:
        write(table(rows))


def show_record(record: Row, output_format: Format) -> None:
    """Shows one thing with its fields."""
    if output_format is Format.JSON:
        write(_json(record))
    elif output_format is Format.CSV:
        _csv([record])
    else:
        width = max((len(name) for name in record), default=0)
        write("\n".join(f"{name.ljust(width)}  {_cell(given)}".rstrip() for name, given in record.items()))


def show_report(document: Row, sections: Sequence[Section], output_format: Format) -> None:
    """Shows a longer answer: the document for programs, its sections for people."""
    if output_format is Format.JSON:
        write(_json(document))
    elif output_format is Format.CSV:
        _csv([{"section": section.title, **row} for section in sections for row in section.rows])
    else:
        parts = [f"{section.title}\n{table(section.rows, indent='  ')}" for section in sections if section.rows]
        if parts:
            write("\n\n".join(parts))


def table(rows: Sequence[Row], indent: str = "") -> str:
    """Rows as aligned columns; numbers to the right, and on a terminal the widest text wrapped to fit its lines."""
    if not rows:
        return f"{indent}(none)"
    names = list(rows[0])
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(_width(line[column]) for line in cells)) for column, name in enumerate(names)]
    numeric = [all(isinstance(row.get(name), int | float | Decimal) or row.get(name) is None for row in rows) for name in names]
    # An id in two pieces could not be copied.
    breakable = [column for column, name in enumerate(names) if not any(isinstance(row.get(name), UUID) for row in rows)]
    cells = _wrapped(cells, widths, breakable, len(indent))

    def line(values: Sequence[str]) -> str:
        aligned = [
            " " * (width - _width(value)) + value if right else value + " " * (width - _width(value))
            for value, width, right in zip(values, widths, numeric, strict=True)
        ]
        return (indent + "  ".join(aligned)).rstrip()

    return "\n".join([line(names), line(["-" * width for width in widths]), *(line(values) for values in cells)])


def _wrapped(cells: list[list[str]], widths: list[int], breakable: Sequence[int], indent: int) -> list[list[str]]:
    """The lines of a table that fits the terminal; narrows the widest column that can be. A pipe keeps one line a row."""
    if not sys.stdout.isatty() or not breakable:
        return cells
    widest = max(breakable, key=widths.__getitem__)
    room = shutil.get_terminal_size().columns - indent - sum(widths) - 2 * (len(widths) - 1) + widths[widest]
    if room >= widths[widest] or room < _LEAST_TO_WRAP:
        return cells
    widths[widest] = room
    lines = []
    for values in cells:
        parts = textwrap.wrap(values[widest], room) or [""]
        lines.append([*values[:widest], parts[0], *values[widest + 1 :]])
        lines += [["" if column != widest else part for column in range(len(values))] for part in parts[1:]]
    return lines


def _csv(rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    # A program gets the exact text; a terminal must not be commanded by it.
    form = _cell if sys.stdout.isatty() else _text
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([form(row.get(name)) for name in names])
    write(text.getvalue())


# What JSON may hold raw, but a terminal or a decoder of UTF-8 stumbles over: C1 controls, directions, surrogates.
_NOT_RAW_IN_JSON = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def _json(value: object) -> str:
    return _NOT_RAW_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", _dumped(value, indent=2))


def _dumped(value: object, indent: int | None = None) -> str:
    # json.dumps cannot write a document that is text already: it gets a mark in its place.
    mark, documents = uuid4().hex, list[str]()

    def plain(given: object) -> Any:
        if not isinstance(given, JsonText):
            return _plain(given)
        documents.append(given.text)
        return f"{mark}{len(documents) - 1}"

    text = json.dumps(value, default=plain, indent=indent, ensure_ascii=False)
    return re.sub(f'"{mark}([0-9]+)"', lambda match: documents[int(match[1])], text)


def _plain(value: object) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, UUID | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return _dumped(value)
    if isinstance(value, datetime | date | Decimal):
        return str(_plain(value))
    return str(value)


def _cell(value: object) -> str:
    """A value for people: one line, nothing that commands a terminal."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return _printable(_text(value))


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else character.encode("unicode_escape").decode() for character in text)


def _width(text: str) -> int:
    """The columns of a terminal that a text takes: letters of East Asia take two, marks on a letter none."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)
