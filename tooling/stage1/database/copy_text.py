"""The text form of COPY, for rows whose values are texts.

Owns what is escaped and how much is written at once. Imports psycopg through connections. The statements are their callers'.
"""

from collections.abc import Iterator

from stage1.database.connections import Connection

NULL = "\\N"
_WRITE = 256 * 1024  # characters that are one write; a row may be longer
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"})


def escaped(text: str | None) -> str:
    """A text as a field of a row."""
    return NULL if text is None else text.translate(_ESCAPES)


def write_rows(connection: Connection, statement: str, rows: Iterator[str]) -> None:
    """Carries out a COPY of rows that are lines already."""
    with connection.cursor().copy(statement.encode()) as copy:
        block: list[str] = []
        size = 0
        for row in rows:
            block.append(row)
            size += len(row)
            if size >= _WRITE:
                copy.write("".join(block).encode())
                block, size = [], 0
        copy.write("".join(block).encode())
