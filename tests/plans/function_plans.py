"""Plans of the statements inside plpgsql functions, on any server.

auto_explain would show them, but not every server has it. So a statement is taken from the deployed function's own body,
its parameters become those of a prepared statement, and it is explained under the settings that the function has.
"""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

Node = dict[str, Any]

_BODY = b"""
select p.prosrc as body, p.proargnames as names, coalesce(p.proconfig, '{}') as settings,
  array(select format_type(t, null) from unnest(p.proargtypes) as t) as types
from pg_proc as p where p.oid = to_regproc('public.' || %s)
"""
_RETURNED = re.compile(r"return query\n(.*?);\n", re.DOTALL)


def statements(connection: psycopg.Connection[Any], function: str) -> int:
    """How many statements of a function return rows."""
    return len(_RETURNED.findall(_function(connection, function)["body"]))


def explain_function(connection: psycopg.Connection[Any], function: str, *arguments: object, statement: int = 0) -> Node:
    """The executed plan of one statement of a function, for the given leading arguments; the others are null."""
    found = _function(connection, function)
    text = _RETURNED.findall(found["body"])[statement]
    names = found["names"][: len(found["types"])]
    for position, name in enumerate(names, start=1):
        text = re.sub(rf"\b{name}\b", f"${position}", text)
    with connection.transaction():
        for setting in found["settings"]:
            connection.execute("select set_config(%s, %s, true)", setting.split("=", 1))
        connection.execute(f"prepare inner_statement ({', '.join(found['types'])}) as {text}".encode())
        try:
            values = [*arguments, *[None] * (len(names) - len(arguments))]
            call = sql.SQL("execute inner_statement ({})").format(sql.SQL(", ").join(map(sql.Literal, values)))
            return explain(connection, call.as_string(connection))
        finally:
            connection.execute("deallocate inner_statement")


def explain(connection: psycopg.Connection[Any], statement: str) -> Node:
    """The executed plan of a statement."""
    row = connection.execute(f"explain (analyze, timing off, format json) {statement}".encode()).fetchone()
    assert row is not None
    plan: Node = row["QUERY PLAN"][0]["Plan"]
    return plan


def nodes(plan: Node) -> Iterator[Node]:
    """A plan's nodes, the top one first."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def executed(plan: Node) -> list[Node]:
    """The nodes that ran."""
    return [node for node in nodes(plan) if node["Actual Loops"] > 0]


def indexes(plan: Node) -> set[str]:
    """The indexes that were read."""
    return {node["Index Name"] for node in executed(plan) if "Index Name" in node}


def tables_read_whole(plan: Node) -> list[str]:
    """The tables that a plan scans from end to end, run or not."""
    return [node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"]


def rows_read(plan: Node) -> float:
    """Rows that scans touched, those that a filter threw away included; what looks cheap per loop counts with its loops."""
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0))
        * node["Actual Loops"]
        for node in executed(plan)
        if "Scan" in node["Node Type"] and node["Node Type"] != "Subquery Scan"
    )


def scan_of(plan: Node, index: str) -> Node:
    """The first node that reads an index."""
    return next(node for node in nodes(plan) if node.get("Index Name") == index)


def _function(connection: psycopg.Connection[Any], name: str) -> dict[str, Any]:
    row = connection.execute(_BODY, [name]).fetchone()
    assert row is not None, f"there is no function {name}, or several"
    found: dict[str, Any] = row
    return found
