"""Connections that stay open and are lent, for a process that serves many at once.

Owns how many there are, how long one is waited for, and that a broken one is replaced before anybody gets it. Limits of
statements are those of each transaction, as everywhere (see `connections`). Refuses to wait for ever: whoever finds all of
them in use is told to come again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool, PoolTimeout

from stage1 import clock
from stage1.database.connections import Connection, LendingTarget, Purpose, parameters, prepare
from stage1.database.targets import Target
from stage1.errors import DatabaseUnreachable, ServerExhausted
from stage1.settings import Settings

_Pool = ConnectionPool[psycopg.Connection[DictRow]]

# What was waited for is looked at again after so many seconds: a database that is gone is told at once, not at the end.
_LOOK_AGAIN = 1.0
_LONGEST_WAIT = 30.0
# The pool's own pauses double, up to as long as it goes on trying. It gives up soon: the next caller makes it try at once.
_TRIES_FOR = 0.5
_IDLE = 300.0
_LIFETIME = 3600.0


@dataclass(frozen=True)
class PooledTarget(LendingTarget):
    """A database with its pool; operations take it as any other target."""

    pool: "_Pool | None" = field(default=None, repr=False, compare=False)
    # One entry each. The pool counts those that gave up, too, until a connection comes back.
    waiting: list[None] = field(default_factory=list, repr=False, compare=False)

    @contextmanager
    def lent(self, settings: Settings) -> Iterator[Connection]:
        """A connection of the pool for the length of the block."""
        pool = self._opened()
        self.waiting.append(None)
        try:
            connection = self._taken(pool, min(_LONGEST_WAIT, settings.seconds("STAGE1_REQUEST_TIMEOUT")))
        finally:
            self.waiting.pop()
        try:
            yield connection
        finally:
            pool.putconn(connection)

    def open(self) -> None:
        """Begins to hold connections."""
        self._opened().open()

    def close(self) -> None:
        """Closes what is not lent; what is lent is closed when it comes back."""
        self._opened().close(timeout=_LOOK_AGAIN)

    def figures(self) -> dict[str, int]:
        """How many connections there are, how many of them idle, and how many callers wait for one."""
        found = self._opened().get_stats()
        return {
            "size": found.get("pool_size", 0),
            "idle": found.get("pool_available", 0),
            "waiting": len(self.waiting),
        }

    def _opened(self) -> _Pool:
        if self.pool is None:
            raise ValueError("a pooled target is made by `pooled`")
        return self.pool

    def _taken(self, pool: _Pool, patience: float) -> Connection:
        until = clock.monotonic() + patience
        failures = pool.get_stats().get("connections_errors", 0)
        while True:
            try:
                return pool.getconn(timeout=max(0.01, min(_LOOK_AGAIN, until - clock.monotonic())))
            except PoolTimeout:
                if pool.get_stats().get("connections_errors", 0) > failures:
                    raise DatabaseUnreachable(f"No connection to {self.describe()}.") from None
                if clock.monotonic() >= until:
                    raise ServerExhausted(
                        f"All {pool.max_size} connections to the database were in use for {patience:g} seconds.",
                        hint="Try again in a moment; STAGE1_POOL_SIZE decides how many there are.",
                    ) from None


def pooled(target: Target, settings: Settings, *, size: int | None = None) -> PooledTarget:
    """The target with a pool that is not open yet."""
    size = max(1, settings.count("STAGE1_POOL_SIZE")) if size is None else size
    pool: _Pool = ConnectionPool(
        "",
        connection_class=psycopg.Connection[DictRow],
        kwargs=parameters(target, settings, Purpose.SERVE),
        min_size=min(1, size),
        max_size=size,
        open=False,
        name="stage1",
        configure=_prepared,
        check=ConnectionPool.check_connection,
        max_idle=_IDLE,
        max_lifetime=_LIFETIME,
        reconnect_timeout=_TRIES_FOR,
        num_workers=2,
    )
    return PooledTarget(target.parameters, target.origin, target.is_embedded, target.notes, pool)


def _prepared(connection: Connection) -> None:
    prepare(connection, Purpose.SERVE)
