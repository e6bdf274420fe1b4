"""Brings the functions, views and checks of sql/ into the database, and says where the database differs from them.

Owns the states of a deployed object and the one transaction that repairs them: replace in place where PostgreSQL
allows it, else drop together with our own dependants and create again. What was not written by stage1 is kept in
`stage1_internal.replaced_objects` before it goes. Only writes under the migration lock.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from stage1 import __version__, faults, resources
from stage1.database import calls
from stage1.database.connections import Connection, translate
from stage1.database.migration_files import MigrationFile
from stage1.database.object_files import ObjectFile, read_bookkeeping, read_deployed
from stage1.errors import AdoptionRefused, ArgumentInvalid, NotMigrated, ObjectFileInvalid, ObjectInUse, Stage1Error, Unexpected
from stage1.redaction import redact

LEDGER = "stage1_internal.deployed_objects"
REPLACED = "stage1_internal.replaced_objects"
OWNER = "stage1_owner"

# What PostgreSQL answers when `create or replace` may not change this much: return type, parameter names, columns.
_NEEDS_A_DROP = (psycopg.errors.InvalidFunctionDefinition, psycopg.errors.InvalidTableDefinition, psycopg.errors.WrongObjectType)


@dataclass(frozen=True)
class ObjectState:
    """One object as the database and the files see it."""

    name: str
    kind: str
    state: str  # current | pending | changed | drifted | missing | adopted | obsolete
    file: ObjectFile | None


def install_bookkeeping(connection: Connection) -> None:
    """Brings what the migrator itself stands on up to date; in the transaction of the caller."""
    stale = stale_bookkeeping(connection)
    for file in stale:
        _execute(connection, file)
    for file in stale:
        _record(connection, file, None)


def refuse_a_strange_schema(connection: Connection) -> None:
    """Raises where stage1_internal is somebody else's schema."""
    for row in calls.query(connection, "strangers_in_our_schema"):
        raise AdoptionRefused(
            f"The schema stage1_internal of {row['owner_name']} is not ours: it holds {row['example']} and none of our ledgers.",
            hint="Rename that schema, and run `stage1 migrate` again.",
        )


def newer_deployment(connection: Connection) -> str | None:
    """The version of a newer stage1 that deployed something here."""
    versions = {str(row["tool_version"]) for row in _ledger(connection).values()}
    newest = max(versions, key=_version, default=__version__)
    return newest if _version(newest) > _version(__version__) else None


def replaced(connection: Connection) -> list[dict[str, Any]]:
    """What was replaced so far, the oldest first; its text is kept."""
    if not calls.exists(connection, REPLACED):
        return []
    return sorted(calls.view(connection, REPLACED), key=lambda row: int(row["replaced_id"]))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def stale_bookkeeping(connection: Connection) -> list[ObjectFile]:
    """What of the bookkeeping is missing, or is not that of this version."""
    known = _ledger(connection)
    return [
        file
        for file in read_bookkeeping(resources.sql_folder())
        if known.get(file.name, {}).get("file_sha256") != file.sha256 or not calls.exists(connection, file.name)
    ]


def states(connection: Connection) -> list[ObjectState]:
    """Every object that has a file or was deployed, in the order of deployment."""
    files = read_deployed(resources.sql_folder())
    known = _ledger(connection)
    if not known:
        taken = {row["object_name"] for row in calls.query(connection, "existing_names", names=[file.name for file in files])}
        return [ObjectState(file.name, file.kind, "adopted" if file.name in taken else "pending", file) for file in files]
    bookkeeping = {file.name for file in read_bookkeeping(resources.sql_folder())}
    ledger = {name: row for name, row in known.items() if name not in bookkeeping and row["definition_sha256"]}
    named = {file.name for file in files}
    existing = _existing(connection, {*named, *ledger})
    major = connection.info.server_version // 10000
    found = [
        ObjectState(file.name, file.kind, _state(file, ledger.get(file.name), existing.get(file.name, []), major), file)
        for file in files
    ]
    return found + [ObjectState(name, "object", "obsolete", None) for name in ledger if name not in named]


def deploy(connection: Connection) -> list[ObjectState]:
    """Makes the database equal to the files, in one transaction; returns what had to be done, nothing if it was equal."""
    with connection.transaction():
        install_bookkeeping(connection)
        found = states(connection)
        work = {row.name: row for row in found if row.state != "current"}
        if not work:
            return []
        ours = [row.name for row in found]
        dropped: set[str] = set()
        for row in work.values():
            if row.file is None:
                dropped |= _drop(connection, row.name, ours, "no longer part of stage1")
                calls.rows(connection, "stage1_internal.forget_object", p_object_name=row.name)
        for row in found:
            if row.file and row.name in work:
                dropped |= _create(connection, row, row.file, ours)
        faults.reach("inside the deploy")
        _create_again(connection, found, dropped)
        definitions = {row.name: _existing(connection, {row.name}) for row in found if row.file}
        for row in found:
            if row.file and (row.name in work or row.name in dropped):
                _record(connection, row.file, definitions[row.name][row.name][0]["definition_sha256"])
        calls.rows(connection, "stage1_internal.restore_grants")
        faults.reach("before the commit of the deploy")
    return list(work.values())


def drop_for_migration(connection: Connection, file: MigrationFile) -> None:
    """Drops the objects that a migration's header names, since PostgreSQL refuses to alter a column that they use."""
    if not file.drops:
        return
    ours = [state.name for state in states(connection)]
    for bare_name in file.drops:
        for schema in ("public", "stage1_internal"):
            for name in _drop(connection, f"{schema}.{bare_name}", ours, f"in the way of {file.id}"):
                calls.rows(connection, "stage1_internal.forget_object", p_object_name=name)


def _state(file: ObjectFile, row: dict[str, Any] | None, existing: list[dict[str, Any]], major: int) -> str:
    if row is None:
        return "adopted" if existing else "pending"
    if not existing:
        return "missing"
    if len(existing) > 1:
        return "drifted"
    same_server = row["server_major"] == major
    if same_server and existing[0]["definition_sha256"] != row["definition_sha256"]:
        return "drifted"
    # After an upgrade of the server PostgreSQL prints definitions in other words: deployed again, to learn them.
    return "current" if same_server and row["file_sha256"] == file.sha256 else "changed"


def _create(connection: Connection, row: ObjectState, file: ObjectFile, ours: list[str]) -> set[str]:
    """Creates or replaces one object; returns what had to be dropped for it."""
    if row.state == "adopted":
        _refuse_what_is_not_ours(connection, file)
    if row.state in ("adopted", "drifted"):
        reason = "edited by hand" if row.state == "drifted" else "adopted from an older deployment"
        calls.rows(connection, "stage1_internal.keep_object", p_object_name=row.name, p_reason=reason)
    if len(_existing(connection, {row.name}).get(row.name, [])) <= 1:
        try:
            with connection.transaction():
                connection.execute(file.text.encode())
                if len(_existing(connection, {row.name})[row.name]) == 1:
                    return set()
                raise psycopg.errors.InvalidFunctionDefinition
        except _NEEDS_A_DROP:
            pass
        except psycopg.Error as problem:
            raise _named(file, problem) from problem
    dropped = _drop(connection, row.name, ours, f"replaced by {file.path.name}")
    _execute(connection, file)
    return dropped - {row.name}


def _refuse_what_is_not_ours(connection: Connection, file: ObjectFile) -> None:
    """An object of before is replaced only where Stage 1.3 had that name, or where its owner shows that it is ours."""
    strange = [row for row in _existing(connection, {file.name}).get(file.name, []) if row["owner_name"] != OWNER]
    if strange and not file.adopts:
        raise ObjectInUse(
            f"{strange[0]['object_identity']} exists already, and stage1 did not make it; nothing was changed.",
            hint="Rename it or drop it, and run `stage1 migrate` again.",
        )


def _create_again(connection: Connection, found: Iterable[ObjectState], dropped: set[str]) -> None:
    """Brings back our dependants that fell with a drop and were not created since."""
    for row in found:
        if row.file and row.name in dropped and not _existing(connection, {row.name}).get(row.name):
            _execute(connection, row.file)


def _drop(connection: Connection, name: str, ours: list[str], reason: str) -> set[str]:
    rows = calls.rows(connection, "stage1_internal.drop_object", p_object_name=name, p_ours=ours, p_reason=reason)
    return {row["drop_object"] for row in rows}


def _existing(connection: Connection, names: set[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in calls.rows(connection, "stage1_internal.existing_objects", p_names=sorted(names)):
        found.setdefault(row["object_name"], []).append(row)
    return found


def _ledger(connection: Connection) -> dict[str, dict[str, Any]]:
    if not calls.exists(connection, LEDGER):
        return {}
    return {row["object_name"]: row for row in calls.view(connection, LEDGER)}


def _record(connection: Connection, file: ObjectFile, definition_sha256: str | None) -> None:
    calls.rows(
        connection,
        "stage1_internal.record_object",
        p_object_name=file.name,
        p_file_sha256=file.sha256,
        p_definition_sha256=definition_sha256,
        p_tool_version=__version__,
    )


def _execute(connection: Connection, file: ObjectFile) -> None:
    try:
        connection.execute(file.text.encode())
    except psycopg.Error as problem:
        raise _named(file, problem) from problem


def _named(file: ObjectFile, problem: psycopg.Error) -> Stage1Error:
    """PostgreSQL does not know files; whoever repairs one needs its name."""
    ours = translate(problem)
    where = "/".join(file.path.parts[-3:])
    if isinstance(ours, Unexpected | ArgumentInvalid | NotMigrated):
        reason = f"{redact(problem.diag.message_primary or ours.message)} ({problem.sqlstate})"
        return ObjectFileInvalid(f"PostgreSQL refused {where}: {reason}.", detail=ours.detail, hint=ours.hint)
    return type(ours)(f"{where}: {ours.message}", detail=ours.detail, hint=ours.hint)
