"""yoyo's PostgreSQL backend, working inside transactions of its caller.

yoyo 9 commits a migration's steps on a second connection and marks it afterwards: a process that dies between the
two leaves a change that nobody recorded. Here steps, log and mark use one connection, and the caller's transaction
makes them one fact. The lock is not yoyo's row (see `locks`), the connection is ours (yoyo's URLs lose services and
several hosts).
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
    """Runs and records migrations. Only used while the migration lock is held."""

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

    @contextmanager
    def inside_a_transaction(self) -> Iterator[None]:
        """Tells yoyo that the caller has begun a transaction; its own become savepoints in it."""
        self._in_transaction = True
        try:
            yield
        finally:
            self._in_transaction = False

    def prepare(self, install_bookkeeping: Callable[[], None]) -> None:
        """Brings the ledgers into being, ours and yoyo's; in the caller's transaction."""
        self._use_bookkeeping()
        install_bookkeeping()
        if internalmigrations.needs_upgrading(self):
            internalmigrations.upgrade(self)
        self._internal_schema_updated = True

    def run(self, migration: Migration) -> None:
        """Runs the statements of a migration: as a part of the caller's transaction, or outside of any if it says so."""
        self._search_path("", of_transaction=self._in_transaction)
        # yoyo prints what a SELECT of a migration returns; stdout belongs to the command's answer.
        with redirect_stdout(io.StringIO()):
            migration.process_steps(self, "apply")

    def record(self, migration: Migration) -> None:
        """Writes log and mark; in the caller's transaction."""
        self._use_bookkeeping()
        self.log_migration(migration, "apply")
        self.mark_one(migration, log=False)

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

    def _use_bookkeeping(self) -> None:
        self._search_path(BOOKKEEPING_SCHEMA, of_transaction=True)

    def _search_path(self, path: str, *, of_transaction: bool) -> None:
        self.execute(f"select pg_catalog.set_config('search_path', '{path}', {of_transaction})")
