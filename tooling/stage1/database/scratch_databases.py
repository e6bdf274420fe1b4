"""Scratch databases: what a backup is restored into before it is proven, and never anything else.

Owns their names, and the lock that says that one is in use: an advisory lock in the server's maintenance database, held by a
connection of its own from before the database exists, so that it dies with its maker. Imports connections, calls, targets.
Refuses to drop a database of another name, or one whose maker lives.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg

from stage1.database import calls
from stage1.database.backup_manifest import DatabaseProperties
from stage1.database.connections import Connection, Purpose, connected, limit
from stage1.database.targets import Target
from stage1.errors import DatabaseUnreachable, LockHeld, NotPermitted, Stage1Error
from stage1.settings import Settings

MAINTENANCE = ("postgres", "template1")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scratch:
    """An empty database of our own."""

    name: str
    target: Target
    remarks: tuple[str, ...]


def server_of(target: Target, settings: Settings) -> Target:
    """The maintenance database of the target's server; the target itself need not exist."""
    first: DatabaseUnreachable | None = None
    for name in MAINTENANCE:
        server = of_name(target, name)
        try:
            with connected(server, settings, Purpose.READ):
                return server
        except DatabaseUnreachable as problem:
            first = first or problem
    raise first or DatabaseUnreachable()


def of_name(server: Target, name: str) -> Target:
    """Another database of the same server."""
    return replace(server, parameters={**server.parameters, "dbname": name})


@contextmanager
def lock(server: Target, settings: Settings, what: str) -> Iterator[Connection | None]:
    """Holds the lock of a text on the whole server; None while somebody else has it, by whichever maintenance database."""
    with connected(server, settings, Purpose.LOCK) as connection:
        connection.autocommit = False
        limit(connection, settings, Purpose.LOCK, of_transaction=True)
        taken = calls.query(connection, "try_lock", key=key_of(what))[0]["locked"]
        # A statement without parameters: the one before left a portal open, and with it a snapshot.
        limit(connection, settings, Purpose.LOCK, of_transaction=True)
        yield connection if taken else None


def key_of(what: str) -> int:
    """The number that stands for a text among advisory locks."""
    return int.from_bytes(hashlib.sha256(f"stage1 {what}".encode()).digest()[:8], "big", signed=True)


@contextmanager
def scratch_database(
    server: Target, settings: Settings, properties: DatabaseProperties, say: Say, *, tablespace: str = ""
) -> Iterator[Scratch]:
    """An empty database with the encoding and the locale of another; gone at the end, unless it was given another name."""
    name = f"stage1_scratch_{secrets.token_hex(6)}"
    with lock(server, settings, name) as held:
        if held is None:
            raise AssertionError(f"{name} was made up just now")
        try:
            locale = _create(server, settings, name, properties, tablespace)
            wanted = "/".join(filter(None, (properties.collate, properties.locale)))
            remarks = () if locale == wanted else (f"The server does not know the locale {wanted}; {locale} is used instead.",)
            yield Scratch(name, of_name(server, name), remarks)
        finally:
            try:
                _drop(server, settings, name)
            except Stage1Error as problem:
                # What went wrong before it, or what was proven, is the greater news.
                say(f"{name} could not be dropped; the next run tries it again: {problem.message}")


def drop_abandoned(server: Target, settings: Settings, say: Say) -> None:
    """Drops the scratch databases that earlier runs have left, being killed or unable to: those whose lock is free."""
    for name in _names(server, settings):
        with lock(server, settings, name) as held:
            # Its maker may have ended, and dropped it, since the names were read.
            if held is None or name not in _names(server, settings):
                continue
            try:
                _drop(server, settings, name)
                say(f"dropped {name}, which an earlier run had left")
            except Stage1Error as problem:
                say(f"{name}, which an earlier run had left, could not be dropped: {problem.message}")


def _names(server: Target, settings: Settings) -> list[str]:
    with connected(server, settings, Purpose.READ) as connection:
        return [str(row["database_name"]) for row in calls.query(connection, "scratch_databases")]


def _create(server: Target, settings: Settings, name: str, properties: DatabaseProperties, tablespace: str) -> str:
    """Creates it and returns the locale that it got."""
    with connected(server, settings, Purpose.MIGRATE) as connection:
        ways = calls.query(
            connection,
            "create_scratch_statements",
            name=name,
            encoding=properties.encoding,
            provider=properties.locale_provider,
            collate=properties.collate,
            ctype=properties.ctype,
            locale=properties.locale,
            icu_rules=properties.icu_rules,
            tablespace=tablespace,
        )
        for place, way in enumerate(ways, 1):
            try:
                connection.execute(str(way["statement"]).encode())
                return str(way["locale_name"])
            except psycopg.errors.InsufficientPrivilege as problem:
                user = connection.info.user
                raise NotPermitted(
                    f"{user} may not create the database into which the backup is to be restored.",
                    detail=f"PostgreSQL says: {problem.diag.message_primary}.",
                    hint=f"Connect as a superuser, or run as one: {way['remedy']};",
                ) from None
            except psycopg.errors.ObjectInUse as problem:
                raise _in_use("The database into which the backup is to be restored cannot be made now", problem) from None
            except (
                psycopg.errors.WrongObjectType,
                psycopg.errors.InvalidParameterValue,
                psycopg.errors.FeatureNotSupported,
                psycopg.errors.UndefinedObject,
                psycopg.errors.SyntaxError,
                psycopg.errors.InvalidObjectDefinition,
            ):
                if place == len(ways):
                    raise
    raise AssertionError("unreachable: the last way returns or raises")


def _drop(server: Target, settings: Settings, name: str) -> None:
    with connected(server, settings, Purpose.MIGRATE) as connection:
        for row in calls.query(connection, "drop_scratch_statement", name=name):
            try:
                connection.execute(str(row["statement"]).encode())
            except psycopg.errors.InvalidCatalogName:
                pass
            except psycopg.errors.ObjectInUse as problem:
                raise _in_use("It is in use", problem) from None


def _in_use(what: str, problem: psycopg.errors.ObjectInUse) -> LockHeld:
    reason = ": ".join(filter(None, (problem.diag.message_primary, problem.diag.message_detail)))
    return LockHeld(
        f"{what}: {reason.rstrip('.')}.",
        hint="End what uses it (subscriptions, prepared transactions, sessions), and run it again.",
    )
