"""Connections are made here and nowhere else: with a name, with limits, and with errors put into our words.

Owns what a transaction may do (`Purpose`) and the translation of psycopg's errors into the error table. Limits are
those of a transaction, never of the session: behind a pooler the session is somebody else's next. Refuses to show a
password: every text of libpq passes through redaction.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row
from psycopg.types.datetime import TimestamptzLoader

from stage1 import errors
from stage1.database.targets import Target
from stage1.redaction import redact
from stage1.settings import Settings

Connection = psycopg.Connection[DictRow]

# A statement of a killed client ends within this time instead of running on.
_NOTICE_A_DEAD_CLIENT = "2s"

# A connection whose other end has silently gone is given up after about a minute, not after the kernel's two hours.
_NOTICE_A_DEAD_SERVER = {"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 4, "tcp_user_timeout": 60_000}


class _AnyTimestamptz(TimestamptzLoader):
    """Reads what Python's datetime cannot hold (infinity, years before Christ) as text: one such row must not hide the others."""

    def load(self, data: Any) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode()


class Purpose(Enum):
    """What a transaction is for; decides about its limits."""

    READ = "read"
    WRITE = "write"
    LOAD = "load"
    MIGRATE = "migrate"
    LOCK = "lock"
    SNAPSHOT = "backup"
    REPLAY = "replay"
    SERVE = "serve"


class LendingTarget(Target):
    """A database whose connections stay open and are lent; `database.pool` has it."""

    def lent(self, settings: Settings) -> AbstractContextManager[Connection]:
        """A connection for the length of the block; the caller sets its limits, and leaves it outside of a transaction."""
        raise NotImplementedError


def connect(target: Target, settings: Settings, purpose: Purpose) -> Connection:
    """Opens a connection in autocommit mode; its limits come with each transaction (see `limited`)."""
    try:
        connection = psycopg.connect(**parameters(target, settings, purpose))
    except psycopg.Error as problem:
        raise _unreachable(problem, target, settings) from None
    prepare(connection, purpose)
    return connection


def parameters(target: Target, settings: Settings, purpose: Purpose) -> dict[str, Any]:
    """What `psycopg.connect` is told, wherever a connection is made."""
    return {
        "connect_timeout": settings.count("STAGE1_CONNECT_TIMEOUT"),
        "application_name": f"stage1 {purpose.value}",
        "client_encoding": "UTF8",
        **_NOTICE_A_DEAD_SERVER,
        **target.for_libpq(),
        "autocommit": True,
        "row_factory": dict_row,
        "prepare_threshold": None,
    }


def prepare(connection: Connection, purpose: Purpose) -> None:
    """Makes a new connection fit for its purpose."""
    if purpose in (Purpose.LOAD, Purpose.REPLAY, Purpose.SERVE):
        # Whatever a role or database has as its default: one that waits for another then sees what that one committed.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.adapters.register_loader("timestamptz", _AnyTimestamptz)


@contextmanager
def connected(target: Target, settings: Settings, purpose: Purpose) -> Iterator[Connection]:
    """A connection that is closed (or given back) at the end of the block, whose errors are in our words.

    To read, write or serve, the block is one transaction; a migration makes its own transactions with `limited`.
    """
    is_one_transaction = purpose in (Purpose.READ, Purpose.WRITE, Purpose.SERVE)
    if purpose is Purpose.SERVE and not isinstance(target, LendingTarget):
        # A command, and no request: its file may be long, and whoever writes to its stdin slow.
        purpose = Purpose.LOAD
    with _opened(target, settings, purpose) as connection, translated():
        if is_one_transaction:
            with limited(connection, settings, purpose):
                yield connection
        else:
            yield connection


@contextmanager
def _opened(target: Target, settings: Settings, purpose: Purpose) -> Iterator[Connection]:
    if isinstance(target, LendingTarget):
        with target.lent(settings) as connection:
            yield connection
        return
    connection = connect(target, settings, purpose)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def limited(connection: Connection, settings: Settings, purpose: Purpose) -> Iterator[None]:
    """A transaction with an empty search_path and the limits of its purpose."""
    with connection.transaction():
        limit(connection, settings, purpose, of_transaction=True)
        yield


def limit(connection: Connection, settings: Settings, purpose: Purpose, *, of_transaction: bool) -> None:
    """Sets the limits of a purpose, for this transaction or (where there can be none) for the session."""
    chosen = {
        "search_path": "",
        "standard_conforming_strings": "on",
        # PostgreSQL prints definitions by these: what a role or database sets must not look like drift.
        "timezone": "UTC",
        "datestyle": "ISO, YMD",
        "intervalstyle": "postgres",
        "quote_all_identifiers": "off",
        # The estimates of our views over the catalog pass its threshold; compiling takes longer than reading them.
        "jit": "off",
        "lock_timeout": str(settings.milliseconds("STAGE1_LOCK_TIMEOUT")),
        "statement_timeout": "0",
        "idle_in_transaction_session_timeout": "0" if purpose is Purpose.LOCK else "60000",
    }
    if connection.info.server_version >= 170000:
        chosen["transaction_timeout"] = "0"
    if purpose is Purpose.READ:
        chosen |= {"statement_timeout": str(settings.milliseconds("STAGE1_STATEMENT_TIMEOUT")), "transaction_read_only": "on"}
    if purpose is Purpose.REPLAY:
        # Names in a spool may be unqualified; what its role could make in pg_temp is found last.
        chosen |= {"search_path": "pg_catalog, public, pg_temp", "statement_timeout": "30000"}
        # A file is put away once the ledger says that it is done: that must be on the disk.
        chosen["synchronous_commit"] = "on"
        chosen["client_connection_check_interval"] = _NOTICE_A_DEAD_CLIENT
    if purpose is Purpose.SERVE:
        # Whoever asked has gone by then.
        longest = str(settings.milliseconds("STAGE1_REQUEST_TIMEOUT"))
        chosen |= {"lock_timeout": longest, "statement_timeout": longest}
        chosen["client_connection_check_interval"] = _NOTICE_A_DEAD_CLIENT
    if purpose is Purpose.LOAD:
        # Another load of the same symbols may go before this one, and it takes as long as it takes.
        chosen["lock_timeout"] = str(settings.milliseconds("STAGE1_LOAD_WAIT"))
        chosen["client_connection_check_interval"] = _NOTICE_A_DEAD_CLIENT
    if purpose is Purpose.MIGRATE:
        chosen |= {"client_connection_check_interval": _NOTICE_A_DEAD_CLIENT, "plpgsql.extra_errors": "all"}
    # Literals, not parameters: a statement with parameters holds a snapshot to the end of the transaction.
    calls = [
        sql.SQL("set_config({}, {}, {})").format(sql.Literal(name), sql.Literal(value), sql.Literal(of_transaction))
        for name, value in chosen.items()
    ]
    connection.execute(sql.SQL("select {}").format(sql.SQL(", ").join(calls)))


@contextmanager
def translated() -> Iterator[None]:
    """Turns what psycopg raises inside the block into an error of the table."""
    try:
        yield
    except psycopg.Error as problem:
        raise translate(problem) from problem


def translate(problem: psycopg.Error) -> errors.Stage1Error:
    """The error of our table that stands for an error of psycopg."""
    if problem.sqlstate is None:
        if isinstance(problem, psycopg.OperationalError):
            return errors.ConnectionLost(detail=redact(str(problem).strip()))
        return errors.Unexpected(redact(str(problem).strip()))
    kind = errors.from_sqlstate(problem.sqlstate)
    diagnosis = problem.diag
    primary = redact(diagnosis.message_primary or str(problem))
    detail = redact(diagnosis.message_detail or "")
    hint = redact(diagnosis.message_hint or "")
    if kind.sqlstate == problem.sqlstate:
        return kind(_without_prefix(primary), detail=_without_prefix(detail), hint=_without_prefix(hint))
    if kind is errors.Unexpected:
        return kind(f"PostgreSQL answered {problem.sqlstate}: {primary}", detail=detail, hint=hint)
    return kind(f"{kind.__doc__} PostgreSQL says: {primary} ({problem.sqlstate}).", detail=detail, hint=hint)


# What stands in quotes was given by somebody, and stays as it is.
_QUOTED_OR_PARAMETER = re.compile(r"""(?<!\w)'(?:[^']|'')*'|(?<!\w)"[^"]*"|\bp_(?=[a-z])""")


def _without_prefix(text: str) -> str:
    """Arguments as commands and requests name them: functions of the database call `limit` p_limit."""
    return _QUOTED_OR_PARAMETER.sub(lambda found: "" if found[0] == "p_" else found[0], text)


def _unreachable(problem: psycopg.Error, target: Target, settings: Settings) -> errors.Stage1Error:
    reason = redact(" ".join(str(problem).split()), target.secrets(settings))
    return errors.DatabaseUnreachable(
        f"No connection to {target.describe()}.",
        detail=f"libpq says: {reason}",
        hint="Check host, port, database, user and password (which belongs into ~/.pgpass); `stage1 doctor` shows what is found.",
    )
