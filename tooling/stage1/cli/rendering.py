"""The only place that prints. stdout is data, stderr is talk.

Owns the three forms of an answer: a table for people, JSON and CSV for programs. A terminal gets tables, a pipe
gets JSON, unless --format says otherwise. Refuses nothing; a closed pipe is the boundary's business.
"""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

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


@dataclass(frozen=True)
class Section:
    """A titled list of rows, one part of a longer answer."""

    title: str
    rows: Sequence[Row]


def chosen_format(wanted: str | None) -> Format:
    """The format that was asked for, else the one that fits where stdout goes."""
    if wanted:
        return Format(wanted)
    return Format.TABLE if sys.stdout.isatty() else Format.JSON


def say(text: str) -> None:
    """Talks to the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


def write(text: str) -> None:
    """Writes data that is text already."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


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
        write("\n".join(f"{name.ljust(width)}  {_text(given)}".rstrip() for name, given in record.items()))


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
    """Rows as aligned columns; numbers to the right."""
    if not rows:
        return f"{indent}(none)"
    names = list(rows[0])
    cells = [[_text(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[column]) for line in cells)) for column, name in enumerate(names)]
    numeric = [all(isinstance(row.get(name), int | float | Decimal) or row.get(name) is None for row in rows) for name in names]

    def line(values: Sequence[str]) -> str:
        aligned = [
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        ]
        return (indent + "  ".join(aligned)).rstrip()

    return "\n".join([line(names), line(["-" * width for width in widths]), *(line(values) for values in cells)])


def _csv(rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(["" if row.get(name) is None else _text(row.get(name)) for name in names])
    sys.stdout.flush()


def _json(value: object) -> str:
    return json.dumps(value, default=_plain, indent=2, ensure_ascii=False)


def _plain(value: object) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in str(value)
    )
