"""Calls functions and reads views of the database: the only SQL that Python writes, built in one place.

Refuses names that are not plain `schema.name`. Also runs the few scripts of sql/ that are neither functions nor views.
"""

import re
from typing import Any

from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from stage1 import resources
from stage1.database.connections import Connection
from stage1.errors import ArgumentInvalid
from stage1.model.json_text import JsonText

_NAME = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")


class _AsJsonText(Loader):
    """Leaves JSON as it is: as Python's objects its numbers would lose digits."""

    def load(self, data: Buffer) -> JsonText:
        return JsonText(bytes(data).decode())


def rows(connection: Connection, function: str, /, **arguments: object) -> list[dict[str, Any]]:
    """The rows that a function returns."""
    return _fetched(connection, _call(function, arguments), _checked(arguments))


def send(connection: Connection, function: str, /, **arguments: object) -> None:
    """Calls a function in a pipeline, without waiting for its answer."""
    connection.execute(_call(function, arguments), _checked(arguments))


def _call(function: str, arguments: dict[str, object]) -> sql.Composed:
    return sql.SQL("select * from {function}({arguments})").format(
        function=_identifier(function),
        arguments=sql.SQL(", ").join(
            sql.SQL("{name} => {value}").format(name=sql.Identifier(name), value=sql.Placeholder(name)) for name in arguments
        ),
    )


def view(connection: Connection, name: str, /) -> list[dict[str, Any]]:
    """All rows of a view."""
    return _fetched(connection, sql.SQL("select * from {view}").format(view=_identifier(name)))


def query(connection: Connection, name: str, /, **arguments: object) -> list[dict[str, Any]]:
    """The rows of a query of sql/queries/, for questions that come before our functions exist."""
    text = (resources.sql_folder() / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    return _fetched(connection, text.encode(), _checked(arguments) if arguments else None)


def exists(connection: Connection, name: str) -> bool:
    """Whether a schema, table, view or function of that name exists."""
    return bool(query(connection, "object_exists", name=name)[0]["found"])


def _fetched(
    connection: Connection, statement: bytes | sql.Composed, arguments: dict[str, object] | None = None
) -> list[dict[str, Any]]:
    cursor = connection.cursor()
    for name in ("json", "jsonb"):
        cursor.adapters.register_loader(name, _AsJsonText)
    return cursor.execute(statement, arguments).fetchall()


def _identifier(name: str) -> sql.Identifier:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not schema.name")
    return sql.Identifier(*name.split("."))


def _checked(arguments: dict[str, object]) -> dict[str, object]:
    for name, given in arguments.items():
        try:
            str(given).encode()
        except UnicodeEncodeError:
            raise ArgumentInvalid(f"{name.removeprefix('p_')} is not UTF-8.") from None
        if isinstance(given, str) and "\0" in given:
            raise ArgumentInvalid(f"{name.removeprefix('p_')} holds the character U+0000, which PostgreSQL cannot store.")
    return arguments
