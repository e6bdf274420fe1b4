"""yoyo's PostgreSQL backend, with a migration, its log entry and its mark in one transaction.

yoyo 9 commits a migration's steps on a second connection and marks it afterwards: a process that dies between the
two leaves a change that nobody recorded. Here everything happens on one connection, inside one transaction; what a
non-transactional file does stays outside, so such files must be idempotent. The lock is not yoyo's row (see
`locks`), the connection is ours (yoyo's URLs lose services and several hosts).
"""

import getpass
import io
import os
import platform
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from yoyo import internalmigrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration

from stage1 import clock
from stage1.database.connections import Connection

BOOKKEEPING_SCHEMA = "stage1_internal"
_TABLE = "_yoyo_migration"


class AtomicBackend(PostgresqlPsycopgBackend):
    """Applies one migration as one fact. Only used while the migration lock is held."""

    has_transactional_ddl = True

    def __init__(self, connection: Connection) -> None:
        self._ours = connection
        super().__init__(DatabaseURI("postgresql+psycopg", None, None, None, None, "", {}), _TABLE)
        self.has_transactional_ddl = True

    def connect(self, dburi: DatabaseURI) -> Connection:  # noqa: ARG002 - the signature is yoyo's
        """The connection that stage1 opened, in place of one that yoyo would open from a URL."""
        return self._ours

    def cursor(self) -> Any:
        """yoyo reads rows by position."""
        from psycopg.rows import tuple_row

        return self.connection.cursor(row_factory=tuple_row)

    @contextmanager
    def lock(self, timeout: float = 10) -> Iterator[None]:  # noqa: ARG002 - the signature is yoyo's
        """Nothing to do: the migration lock is held already, and it is not a row."""
        yield

    def apply_atomically(self, migration: Migration, before: Callable[[], None], after: Callable[[], None]) -> None:
        """Runs a migration between two hooks of the caller; all of it, its log and its mark commit together."""
        migration.load()
        if migration.use_transactions:
            with self.transaction():
                self._prepare(before)
                self._run(migration)
                self._record(migration, after)
        else:
            with self.transaction():
                self._prepare(before)
            self._run(migration)
            with self.transaction():
                self._record(migration, after)

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, Any]:
        """As yoyo's, which fails on a uid without a passwd entry and asks DNS for this machine's name."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = f"uid {os.getuid()}"
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": user,
            "hostname": platform.node(),
            "created_at_utc": clock.now().replace(tzinfo=None),
            "operation": operation,
        }

    def _prepare(self, before: Callable[[], None]) -> None:
        self._use_bookkeeping()
        before()
        if internalmigrations.needs_upgrading(self):
            internalmigrations.upgrade(self)
        self._internal_schema_updated = True

    def _run(self, migration: Migration) -> None:
        self.execute("select set_config('search_path', '', %s)" % ("true" if self._in_transaction else "false"))
        # yoyo prints what a SELECT of a migration returns; stdout belongs to the command's answer.
        with redirect_stdout(io.StringIO()):
            migration.process_steps(self, "apply")

    def _record(self, migration: Migration, after: Callable[[], None]) -> None:
        self._use_bookkeeping()
        self.log_migration(migration, "apply")
        self.mark_one(migration, log=False)
        after()

    def _use_bookkeeping(self) -> None:
        self.execute(f"select set_config('search_path', '{BOOKKEEPING_SCHEMA}', true)")
