"""Writes inserts into a spool, so that none is lost and none is torn: copy it into a client. Needs the standard library alone.

    append("INSERT INTO public.walkforward_runs (run_id, status) VALUES (" + literal(run_id) + ", 'done')", spool)
    deliver([...], spool)

What may be written, and what becomes of it, stands in docs/reference/spool.md.
"""

import fcntl
import json
import os
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

APPEND_FILE = "pending_postgres_inserts.sql"

# Makes each line a record of its own: one that a crash tears ends with its line.
FIRST_LINE = b"-- stage1 spool 1: one statement per line\n"

_ESCAPES = {"\\": "\\\\", "'": "''", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

# A string, an E string, a quoted name, a text between dollars: what stands within may be anything.
_QUOTED = re.compile(
    r"""(?<![\w$])[eE]' [^'\\]* (?:(?:\\.|'')[^'\\]*)* ' | (?<!(?<![\w$])[eE])'[^']*' | "[^"]*"
        | (?<![\w$])(\$(?:[^\W\d]\w*)?\$) .*? \1""",
    re.VERBOSE,
)
_NOT_ONE_STATEMENT = re.compile(r"""--|/\*|[;'"]""")


def append(statement: str, spool: Path) -> None:
    """Adds a statement to the append file; when it returns, the statement is on the disk."""
    record = _record(statement)
    path = spool / APPEND_FILE
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # The replay may have claimed the file while its lock was waited for: then there is, or will be, another one.
            if not _is_still(path, descriptor):
                continue
            _write(descriptor, _lead(descriptor) + record)
            os.fsync(descriptor)
            _flush_folder(spool)
            return
        finally:
            os.close(descriptor)


def deliver(statements: Sequence[str], spool: Path, *, together: bool = False) -> Path:
    """Puts statements into the spool as one file; `together` they are applied all or not at all."""
    lines = [_record(statement) for statement in statements]
    if together:
        lines = [b"BEGIN;\n", *lines, b"COMMIT;\n"]
    # A file is known by its bytes: the name in it makes it another file than one of the same statements.
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{uuid.uuid4().hex}"
    folder = spool / "new"
    folder.mkdir(mode=0o700, exist_ok=True)
    part, path = folder / f".{name}.part", folder / f"{name}.sql"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write(descriptor, FIRST_LINE + f"-- {name}\n".encode() + b"".join(lines))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.rename(path)
    _flush_folder(folder)
    return path


def literal(value: object) -> str:
    """A value as SQL, on one line whatever it holds."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case Decimal():
            return str(value) if value.is_finite() else f"'{value}'::numeric"
        case float():
            return f"'{value!r}'::float8"
        case str():
            return _quoted(value)
        case uuid.UUID():
            return f"'{value}'::uuid"
        case datetime():
            if value.utcoffset() is None:
                raise ValueError(f"{value!r} has no time zone; give it one: nobody could tell which moment it is")
            return f"'{value.isoformat()}'::timestamptz"
        case date():
            return f"'{value.isoformat()}'::date"
        case Mapping():
            return f"{_quoted(json.dumps(value, ensure_ascii=False, allow_nan=False))}::jsonb"
    raise TypeError(f"{type(value).__name__} has no form in SQL here; write it as text")


def _quoted(text: str) -> str:
    if "\0" in text:
        raise ValueError("PostgreSQL stores no NUL in a text")
    text.encode()  # half a character is no UTF-8
    escaped = "".join(_ESCAPES.get(letter) or (letter if letter >= " " else f"\\u{ord(letter):04x}") for letter in text)
    return f"E'{escaped}'" if "\\" in escaped else f"'{escaped}'"


def _record(statement: str) -> bytes:
    line = statement.strip().removesuffix(";")
    if not line or "\n" in line or "\r" in line:
        raise ValueError("a record is one statement on one line; literal() writes line ends of a value as \\n")
    if found := _NOT_ONE_STATEMENT.search(_QUOTED.sub(" ", line)):
        raise ValueError(
            f"a record is exactly one statement without comments, and {found.group()} stands outside of its quotes; "
            "write a value with literal(), and several statements with deliver(..., together=True)"
        )
    return f"{line};\n".encode()


def _lead(descriptor: int) -> bytes:
    """What has to stand between what is in the file and the next record."""
    first = os.pread(descriptor, len(FIRST_LINE), 0)
    if first == FIRST_LINE:
        # A record that a crash tore ends here; the replay makes a dead letter of it.
        return b"" if os.pread(descriptor, 1, os.fstat(descriptor).st_size - 1) == b"\n" else b"\n"
    if not FIRST_LINE.startswith(first):
        raise ValueError(f"{APPEND_FILE} has another form: its first line is not {FIRST_LINE.decode().rstrip()!r}")
    os.ftruncate(descriptor, 0)  # empty, or its writer died within the first line
    return FIRST_LINE


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write(descriptor: int, text: bytes) -> None:
    while text:
        text = text[os.write(descriptor, text) :]


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
