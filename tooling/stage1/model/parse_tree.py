"""Ways through the tree that PostgreSQL's grammar makes: by nodes that are expected, and by no others.

Owns how nodes and clauses are called in a sentence. Imports nothing of ours. Refuses a node of another kind than the expected
one, and a key that is not known; so what a newer grammar adds is refused until somebody has thought about it.
"""

import re
from collections.abc import Iterable
from typing import Any

Node = dict[str, Any]

# How the rest of what people write is called; of others the node's name is told.
_STATEMENTS = {
    "CreateStmt": "CREATE TABLE",
    "VariableSetStmt": "SET",
    "VariableShowStmt": "SHOW",
    "CreatePLangStmt": "CREATE LANGUAGE",
    "ViewStmt": "CREATE VIEW",
    "IndexStmt": "CREATE INDEX",
    "RenameStmt": "ALTER",
}
_CLAUSES = {
    "withClause": "WITH",
    "returningList": "RETURNING",
    "fromClause": "FROM",
    "whereClause": "WHERE",
    "groupClause": "GROUP BY",
    "havingClause": "HAVING",
    "windowClause": "WINDOW",
    "sortClause": "ORDER BY",
    "distinctClause": "DISTINCT",
    "intoClause": "INTO",
    "limitCount": "LIMIT",
    "limitOffset": "OFFSET",
    "lockingClause": "FOR UPDATE or its like",
    "larg": "UNION, INTERSECT or EXCEPT",
    "alias": "an alias",
    "catalogname": "the name of a database",
    "indirection": "a part of a column",
    "agg_filter": "FILTER",
    "agg_order": "ORDER BY",
    "agg_distinct": "DISTINCT",
    "agg_star": "a star",
    "over": "OVER",
    "func_variadic": "VARIADIC",
    "valuesLists": "VALUES",
    "setof": "SETOF",
    "pct_type": "%TYPE",
    "lexpr": "arithmetic",
}


_UNKNOWN = "PostgreSQL's grammar made a tree of it that is not known here."


class Refused(Exception):
    """A shape that is not on the list; its message is the reason."""


def opened(node: object) -> tuple[str, Node]:
    """The kind of a node and what is in it."""
    if not isinstance(node, dict) or len(node) != 1:
        raise Refused(_UNKNOWN)
    [(kind, body)] = node.items()
    return str(kind), node_of(body)


def node_of(body: object) -> Node:
    """What should be a node's inside."""
    if not isinstance(body, dict):
        raise Refused(_UNKNOWN)
    return body


def items_of(items: object) -> list[Any]:
    """What should be a list."""
    if not isinstance(items, list):
        raise Refused(_UNKNOWN)
    return items


def text_of(node: Node, key: str, otherwise: str = "") -> str:
    """A value of a node that should be a text."""
    value = node.get(key, otherwise)
    if not isinstance(value, str):
        raise Refused(_UNKNOWN)
    return value


def inside(node: object, kind: str, where: str) -> Node:
    """What is in a node that should be of this kind."""
    found, body = opened(node)
    if found != kind:
        raise Refused(f"{called(found)} is not allowed {where}.")
    return body


def closed(node: Node, known: Iterable[str], where: str) -> None:
    """Refuses a node with a key that is not known."""
    unknown = sorted(set(node) - set(known))
    if unknown:
        raise Refused(f"{_CLAUSES.get(unknown[0], unknown[0])} is not allowed {where}.")


def name_in(node: object) -> str:
    """A part of a name."""
    kind, body = opened(node)
    if kind == "A_Star":
        return "*"
    return text_of(inside({kind: body}, "String", "in a name"), "sval")


def whole_name(parts: object) -> tuple[str, str]:
    """A name and what stands before its last dot."""
    names = [name_in(part) for part in items_of(parts)]
    return ".".join(names[:-1]), names[-1] if names else ""


def called(kind: str) -> str:
    """A kind of node in the words of a statement, as near as they are known."""
    return _STATEMENTS.get(kind) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removesuffix("Stmt")).upper()
