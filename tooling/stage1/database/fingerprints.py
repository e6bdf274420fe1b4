"""What the rows of a database are, in a few numbers a table: the same before a dump and after its restore, on every version.

Owns the transaction in which they are read: its settings, its locks and its one snapshot, which can be handed to pg_dump.
Imports connections and calls. Refuses to wait long for the locks; rows that a policy hides are an error of PostgreSQL.
"""

import contextlib
from collections.abc import Iterator

import psycopg

from stage1.database import calls
from stage1.database.backup_manifest import TableContent
from stage1.database.connections import Connection
from stage1.errors import BackupFailed

# What waits for a lock of a table stands in the queue behind those that hold it, and everybody else behind it.
LOCK_WAIT = "3s"
_READ_WAIT = "60s"
_TRIES = 20
_GONE_MEANWHILE = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)
_BEHIND_ANOTHER = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


class BehindAnother(BackupFailed):
    """A table that is to be backed up is locked by another session, or one waits for it; the backup has to be begun anew."""


@contextlib.contextmanager
def snapshot(connection: Connection, *, locked: bool = False) -> Iterator[str]:
    """A transaction that sees one state of the database and reads only; yields the name by which pg_dump sees the same.

    With locks no table that it sees is dropped, truncated or rewritten while it lasts.
    """
    connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
    with contextlib.ExitStack() as stack:
        for tries_left in reversed(range(_TRIES)):
            try:
                stack.push(_begun(connection, locked=locked))
                break
            except _GONE_MEANWHILE:
                if not tries_left:
                    raise
            except _BEHIND_ANOTHER as problem:
                raise BehindAnother(
                    f"A table was locked by another session for {LOCK_WAIT}; nothing was kept.",
                    detail=f"PostgreSQL says: {problem.diag.message_primary}.",
                    hint="Run `stage1 backup create` again when that session has ended.",
                ) from problem
        yield str(calls.rows(connection, "pg_catalog.pg_export_snapshot")[0]["pg_export_snapshot"])


def tables(connection: Connection) -> tuple[TableContent, ...]:
    """The rows of every table, by its name; inside `snapshot`."""
    found = []
    for row in calls.query(connection, "fingerprint_statements", purpose="count"):
        content = connection.execute(str(row["statement"]).encode()).fetchone() or {}
        found.append(TableContent(str(row["table_name"]), int(content["row_count"]), str(content["fingerprint"])))
    return tuple(found)


def _begun(connection: Connection, *, locked: bool) -> contextlib.ExitStack:
    """The transaction, to be ended by whoever takes it; fails where a table was dropped before its lock."""
    settings = _statements(connection, "fingerprint_settings", lock_timeout=LOCK_WAIT if locked else _READ_WAIT)
    locks = _statements(connection, "fingerprint_statements", purpose="lock") if locked else []
    with contextlib.ExitStack() as stack:
        stack.enter_context(connection.transaction())
        for statement in [*settings, *locks]:
            connection.execute(statement)
        if locked:
            # The first query takes the snapshot: it may see tables that were not there to be locked before it.
            for statement in _statements(connection, "fingerprint_statements", purpose="lock"):
                connection.execute(statement)
        return stack.pop_all()


def _statements(connection: Connection, query: str, **arguments: object) -> list[bytes]:
    return [str(row["statement"]).encode() for row in calls.query(connection, query, **arguments)]
