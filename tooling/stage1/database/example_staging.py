"""Brings examples into the staging table of an upsert by COPY, in bounded memory.

Owns the COPY statements and the order of their fields. What a staged row means is decided by the functions of
sql/functions/examples/. Imports psycopg through connections, and model.
"""

from collections.abc import Iterable, Iterator

from stage1.database import calls
from stage1.database.connections import Connection
from stage1.database.copy_text import NULL, escaped, write_rows
from stage1.model.example_lines import Example, ExampleReference

_STAGE = "copy pg_temp.staged_examples (source_id, input, output, metadata, content_hash) from stdin"
_STAGE_HASHES = "copy pg_temp.staged_examples (source_id, content_hash) from stdin"


def stage_examples(connection: Connection, entries: Iterable[Example | ExampleReference]) -> None:
    """Fills the staging table of this transaction."""
    _stage(connection, _STAGE, map(_row, entries))


def stage_references(connection: Connection, references: Iterable[ExampleReference]) -> None:
    """Fills it with ids and hashes alone, for a plan."""
    _stage(connection, _STAGE_HASHES, map(_hash_row, references))


def _stage(connection: Connection, statement: str, rows: Iterator[str]) -> None:
    calls.rows(connection, "stage1_internal.stage_examples")
    write_rows(connection, statement, rows)


def _row(entry: Example | ExampleReference) -> str:
    source_id = escaped(entry.source_id)
    if isinstance(entry, ExampleReference):
        return f"{source_id}\t{NULL}\t{NULL}\t{NULL}\t\\\\x{entry.content_hash}\n"
    # Canonical JSON has no control characters, only their escapes.
    content = "\t".join((entry.input, entry.output, entry.metadata)).replace("\\", "\\\\")
    return f"{source_id}\t{content}\t\\\\x{entry.content_hash}\n"


def _hash_row(reference: ExampleReference) -> str:
    return f"{escaped(reference.source_id)}\t\\\\x{reference.content_hash}\n"
