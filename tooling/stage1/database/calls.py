"""Calls functions and reads views of the database: the only SQL that Python writes, built in one place.

Refuses names that are not plain `schema.name`. Also runs the few scripts of sql/ that are neither functions nor views.
"""

import re
from collections.abc import Mapping
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from stage1 import resources
from stage1.database.connections import Connection
from stage1.errors import ArgumentInvalid

_NAME = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")


def rows(connection: Connection, function: str, /, **arguments: object) -> list[dict[str, Any]]:
    """The rows that a function returns."""
    call = sql.SQL("select * from {function}({arguments})").format(
        function=_identifier(function),
        arguments=sql.SQL(", ").join(
            sql.SQL("{name} => {value}").format(name=sql.Identifier(name), value=sql.Placeholder(name)) for name in arguments
        ),
    )
    return connection.execute(call, _adapted(arguments)).fetchall()


def view(connection: Connection, name: str, /) -> list[dict[str, Any]]:
    """All rows of a view."""
    return connection.execute(sql.SQL("select * from {view}").format(view=_identifier(name))).fetchall()


def query(connection: Connection, name: str, /, **arguments: object) -> list[dict[str, Any]]:
    """The rows of a query of sql/queries/, for questions that come before our functions exist."""
    text = (resources.sql_folder() / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    return connection.execute(text.encode(), _adapted(arguments) if arguments else None).fetchall()


def exists(connection: Connection, name: str) -> bool:
    """Whether a schema, table, view or function of that name exists."""
    return bool(query(connection, "object_exists", name=name)[0]["found"])


def _identifier(name: str) -> sql.Identifier:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not schema.name")
    return sql.Identifier(*name.split("."))


def _adapted(arguments: Mapping[str, object]) -> dict[str, object]:
    for name, given in arguments.items():
        try:
            str(given).encode()
        except UnicodeEncodeError:
            raise ArgumentInvalid(f"{name.removeprefix('p_')} is not UTF-8.") from None
    return {name: Jsonb(given) if isinstance(given, dict) else given for name, given in arguments.items()}
