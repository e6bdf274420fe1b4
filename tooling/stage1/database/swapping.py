"""Gives a restored database the name of the one that it replaces, which is kept under another: one transaction.

Owns that exchange and what has to hold for it: nobody is connected to the old one, its owner, grants and settings are those of
the new one. Imports scratch_databases, calls, connections. Refuses to end other people's sessions unless that is meant, and to
give up the old database. Nothing here connects to the old one: it may be one to which nobody can connect any more.
"""

import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import psycopg

from stage1 import clock
from stage1.database import calls
from stage1.database.backup_manifest import DatabaseProperties
from stage1.database.connections import Connection, Purpose, connected, limited
from stage1.database.targets import Target
from stage1.errors import LockHeld, NotPermitted, RestoreRefused
from stage1.settings import Settings

_LONGEST_NAME = 63  # bytes


@dataclass(frozen=True)
class Old:
    """The database that is replaced, as its server knows it."""

    owner: str
    settings: str  # JSON
    grants: str  # JSON; null: those of every new database
    connection_limit: int
    comment: str
    tablespace: str
    encoding: str


@dataclass(frozen=True)
class Swapped:
    """What became of the names, and the statements that undo it or end it."""

    kept: str | None
    to_drop: tuple[str, ...]
    to_swap_back: tuple[str, ...]


@dataclass(frozen=True)
class Aside:
    """A proven database that could not be put in place, and the statements that do it."""

    name: str
    to_put_in_place: tuple[str, ...]


def read_old(server: Target, settings: Settings, name: str, *, disconnect: bool) -> Old | None:
    """The database of that name; None where there is none. Refuses when it could not be replaced now."""
    with connected(server, settings, Purpose.READ) as connection:
        found = calls.query(connection, "database_to_replace", name=name)
        if not found:
            return None
        [properties] = calls.query(connection, "database_properties", name=name)
        owner = str(properties["owner"])
        if not found[0]["is_owned"]:
            raise NotPermitted(
                f"{connection.info.user} may not rename {name}, which belongs to {owner}.",
                hint=f"Connect as {owner} or as a superuser.",
            )
        if found[0]["prepared"]:
            raise RestoreRefused(
                f"{name} has prepared transactions: {found[0]['prepared']}.",
                hint="Commit them or roll them back, and run the command again.",
            )
        if not disconnect:
            _refuse_sessions(connection, name)
        return Old(
            owner,
            str(properties["settings"]),
            "null" if properties["grants"] is None else str(properties["grants"]),
            int(properties["connection_limit"]),
            str(properties["comment"]),
            str(properties["tablespace"]),
            str(properties["encoding"]),
        )


def from_manifest(properties: DatabaseProperties) -> Old:
    """What a database is to get when there is no old one: as it was when it was backed up."""
    plain = asdict(properties)
    return Old(
        properties.owner,
        json.dumps(plain["settings"]),
        json.dumps(plain["grants"]),
        properties.connection_limit,
        properties.comment,
        properties.tablespace,
        properties.encoding,
    )


def give_properties(connection: Connection, settings: Settings, name: str, old: Old, *, only_try: bool = False) -> list[str]:
    """Gives a database the owner, grants, settings, limit and comment of another; returns what had to be left out, and why."""
    left_out: list[str] = []
    with limited(connection, settings, Purpose.MIGRATE):
        rows = calls.query(
            connection,
            "database_property_statements",
            name=name,
            owner=old.owner,
            settings=old.settings,
            grants=old.grants,
            connection_limit=old.connection_limit,
            comment=old.comment,
        )
        for row in rows:
            if row["missing_role"] is not None:
                left_out.append(f"what is of the role {row['missing_role']}, which the server lacks")
            elif row["statement"] is not None:
                problem = _refusal(connection, str(row["statement"]), is_spared=bool(row["is_spared"]))
                left_out += [problem] if problem else []
        if only_try:
            raise psycopg.Rollback
    return sorted(set(left_out))


def _refusal(connection: Connection, statement: str, *, is_spared: bool) -> str | None:
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.UndefinedObject,
        psycopg.errors.InvalidParameterValue,
        psycopg.errors.InvalidName,
        psycopg.errors.CantChangeRuntimeParam,
        psycopg.errors.UndefinedFile,
    ) as problem:
        if not is_spared:
            raise
        return str(problem.diag.message_primary)
    return None


def swap(
    connection: Connection,
    settings: Settings,
    name: str,
    scratch: str,
    say: Callable[[str], None],
    *,
    replaces: bool,
    disconnect: bool,
) -> Swapped:
    """Exchanges the names; on the old one nobody may be connected."""
    kept = free_name(connection, name, "before") if replaces else None
    aside = free_name(connection, name, "restored")
    rows = calls.query(
        connection,
        "swap_statements",
        name=name,
        scratch=scratch,
        kept=kept,
        set_aside=aside,
        replaces=replaces,
        disconnect=disconnect,
    )
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(str(row["purpose"]), []).append(str(row["statement"]))
    if disconnect and replaces:
        say(f"ending {len(calls.query(connection, 'sessions_of_database', name=name))} sessions on {name}")
    try:
        with limited(connection, settings, Purpose.MIGRATE):
            for statement in texts["swap"]:
                connection.execute(statement.encode())
    except (psycopg.errors.ObjectInUse, psycopg.errors.LockNotAvailable) as problem:
        if not disconnect:
            _refuse_sessions(connection, name)
        reason = problem.diag.message_detail or problem.diag.message_primary or ""
        raise LockHeld(
            f"The old database stayed in use, and is as it was: {reason.rstrip('.')}.",
            hint="Stop what connects to it again and again, or uses it otherwise (replication slots, subscriptions).",
        ) from None
    except psycopg.errors.DuplicateDatabase as problem:
        raise LockHeld(
            f"{problem.diag.message_primary}; nothing was replaced.", hint="Look who made it meanwhile, and rename it."
        ) from None
    return Swapped(kept, tuple(texts.get("drop", ())), tuple(texts.get("swap back", ())))


def set_aside(server: Target, settings: Settings, name: str, scratch: str) -> Aside:
    """Keeps a proven database that could not be put in place, under a name of which no run drops it."""
    with connected(server, settings, Purpose.MIGRATE) as connection:
        aside = free_name(connection, name, "restored")
        kept = free_name(connection, name, "before")
        replaces = bool(calls.query(connection, "database_to_replace", name=name))
        for row in calls.query(connection, "rename_database_statement", old_name=scratch, new_name=aside):
            connection.execute(str(row["statement"]).encode())
        rows = calls.query(
            connection, "swap_statements", name=name, scratch=aside, kept=kept, set_aside="", replaces=replaces, disconnect=False
        )
    return Aside(aside, tuple(str(row["statement"]) for row in rows if row["purpose"] == "put in place"))


def free_name(connection: Connection, name: str, what: str) -> str:
    """The name of a database, and what it is, and the time; no database has it."""
    for place in itertools.count(1):
        suffix = f"_{what}_{clock.now():%Y%m%dT%H%M%SZ}" + (f"_{place}" if place > 1 else "")
        found = name.encode()[: _LONGEST_NAME - len(suffix)].decode(errors="ignore") + suffix
        if not calls.query(connection, "database_to_replace", name=found):
            return found
    raise AssertionError("unreachable: a name is free")


def _refuse_sessions(connection: Connection, name: str) -> None:
    sessions = calls.query(connection, "sessions_of_database", name=name)
    if sessions:
        raise RestoreRefused(
            f"{len(sessions)} sessions are connected to {name}: {'; '.join(map(_session, sessions[:10]))}.",
            hint="Stop these clients; or give --disconnect, which ends their sessions just before the swap.",
        )


def _session(row: dict[str, Any]) -> str:
    application = f", {row['application_name']}" if row["application_name"] else ""
    client = f" from {row['client']}" if row["client"] else ""
    return f"process {row['pid']} of {row['role'] or 'the server'}{application}{client}"


def analyze(scratch: Target, settings: Settings) -> None:
    """Gives the planner its numbers; without them the first queries of the day would crawl."""
    with connected(scratch, settings, Purpose.MIGRATE) as connection, suppress(psycopg.errors.InsufficientPrivilege):
        for row in calls.query(connection, "analyze_statements"):
            connection.execute(str(row["statement"]).encode())
