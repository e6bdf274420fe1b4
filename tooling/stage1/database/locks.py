"""The locks that let one run at a time work on a database: of the migration, and of the replay.

Such a lock is an advisory lock of a transaction that stays open on a connection of its own: it dies with its session, and a
pooler cannot hand it to somebody else. It is polled, never waited for inside the server: a session that waits in
`pg_advisory_lock` makes the holder's `create index concurrently` wait for it in turn.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from stage1 import clock
from stage1.database import calls
from stage1.database.connections import Connection, Purpose, connected, limit
from stage1.database.targets import Target
from stage1.errors import LockHeld
from stage1.settings import Settings

# 'stage1mg' and 'stage1rp' as numbers: any constants do, as long as no other lock of the database uses them. The check
# replays_stopped knows the second one.
MIGRATION_LOCK = int.from_bytes(b"stage1mg", "big")
REPLAY_LOCK = int.from_bytes(b"stage1rp", "big")


class MigrationLock:
    """The lock while it is held."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def check(self) -> None:
        """Raises when the lock's session has ended: another migrator may be at work, so nothing more is committed."""
        try:
            self._connection.execute("select pg_catalog.pg_backend_pid()")
        except psycopg.Error as problem:
            raise LockHeld(
                "The session that held the migration lock has ended; the step that was running was undone.",
                hint="Run `stage1 migrate` again; it says whether anything is left to do.",
            ) from problem


@contextmanager
def migration_lock(target: Target, settings: Settings, say: Callable[[str], None]) -> Iterator[MigrationLock]:
    """Holds the lock for the length of the block; waits for another migrator as long as the settings allow."""
    with _held(target, settings, MIGRATION_LOCK, "migration", settings.seconds("STAGE1_MIGRATION_WAIT"), say) as connection:
        yield MigrationLock(connection)


@contextmanager
def replay_lock(target: Target, settings: Settings) -> Iterator[None]:
    """Holds the lock for the length of the block; does not wait for another replay, which does the same work."""
    with _held(target, settings, REPLAY_LOCK, "replay", 0, lambda _: None):
        yield


@contextmanager
def _held(
    target: Target, settings: Settings, key: int, what: str, patience: float, say: Callable[[str], None]
) -> Iterator[Connection]:
    deadline = clock.monotonic() + patience
    told = False
    with connected(target, settings, Purpose.LOCK) as connection:
        # Each try is a transaction; the one that gets the lock is never ended but by closing its connection.
        connection.autocommit = False
        while True:
            limit(connection, settings, Purpose.LOCK, of_transaction=True)
            if _try(connection, key):
                yield connection
                return
            holder = _holder(calls.query(connection, "lock_holder", key=key))
            connection.rollback()
            if clock.monotonic() >= deadline:
                raise LockHeld(
                    f"Another {what} is running on this database: {holder}.",
                    hint="Wait for it to end and run the command again; it then says whether anything is left to do.",
                )
            if not told:
                say(f"Another {what} is running ({holder}); waiting for it.")
                told = True
            clock.pause(0.1 + random.random() * 0.2)  # noqa: S311 - jitter, not a secret


def _try(connection: Connection, key: int) -> bool:
    # Without parameters: a statement with some leaves a portal open that holds a snapshot to the end of the transaction,
    # and the holder's own `create index concurrently` would wait for that.
    question = sql.SQL("select pg_catalog.pg_try_advisory_xact_lock({}) as locked").format(key)
    row = connection.execute(question).fetchone()
    return bool(row and row["locked"])


def _holder(found: list[dict[str, object]]) -> str:
    if not found:
        return "it has just ended"
    row = found[0]
    # Of another role's session a weak role sees little.
    since = f", connected since {row['backend_start']:%Y-%m-%d %H:%M:%S %Z}" if row["backend_start"] else ""
    return f"process {row['pid']} of {row['role']}{since}"
