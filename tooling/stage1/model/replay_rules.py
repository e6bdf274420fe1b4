"""What a statement of the spool may be: a closed list of shapes, looked for in the tree of PostgreSQL's grammar.

Owns the list. A node or a key of a node that stands not on it is refused, so that nothing slips in with a new grammar. Says of
each refusal, in a sentence for the operator, what stood there and what is allowed. Imports nothing of ours but the neighbours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from stage1.model.parse_tree import Node, Refused, called, closed, inside, items_of, name_in, node_of, opened, text_of, whole_name
from stage1.model.replay_constants import constant
from stage1.model.some_of import some_of
from stage1.model.spool_text import MAX_STATEMENT, Statement, bare_bytes

# Keeps the tree within the stack of the process that makes it, and in its memory.
MAX_BARE = 64 * 1024

Kind = Literal["execute", "begin", "commit", "rollback", "refused"]

_ALLOWED = "only INSERT of constants into an allowed table and SELECT of one allowed function are"

_TRANSACTION: dict[str, Kind] = {
    "TRANS_STMT_BEGIN": "begin",
    "TRANS_STMT_START": "begin",
    "TRANS_STMT_COMMIT": "commit",
    "TRANS_STMT_ROLLBACK": "rollback",
}


@dataclass(frozen=True)
class Rules:
    """What the role of the replay may write: the columns of each (schema, table), and each (schema, function) it may call."""

    tables: Mapping[tuple[str, str], frozenset[str]]
    functions: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a statement, and why it is refused."""

    kind: Kind
    reason: str = ""


def judge_text(statement: Statement, rules: Rules, parse: Callable[[str], list[Node]]) -> Verdict:
    """The verdict on a statement as it stands in the file; `parse` raises ValueError for what is no SQL."""
    if statement.torn:
        return Verdict("refused", "Its line is torn: in this file each line is exactly one statement that ends with a semicolon.")
    if statement.too_large:
        return Verdict("refused", f"It is larger than the {MAX_STATEMENT:,} bytes that a statement may have.")
    if len(statement.text) > MAX_BARE and (bare := bare_bytes(statement.text)) > MAX_BARE:
        return Verdict(
            "refused", f"It has {bare:,} bytes outside of its strings; {MAX_BARE:,} are allowed. Write several statements."
        )
    if b"\0" in statement.text:
        return Verdict("refused", f"It holds a NUL byte (byte {statement.text.index(0)} of it), which no text may.")
    try:
        text = statement.text.decode("utf-8")
    except UnicodeDecodeError as problem:
        return Verdict("refused", f"It is not UTF-8 (byte {problem.start} of it is {statement.text[problem.start]:#04x}).")
    try:
        nodes = parse(text)
    except ValueError as problem:
        return Verdict("refused", f"PostgreSQL's grammar refuses it: {problem}.")
    return judge(nodes, rules)


def judge(nodes: list[Node], rules: Rules) -> Verdict:
    """The verdict on what the grammar made of a text."""
    try:
        if len(nodes) != 1:
            raise Refused(f"It is {len(nodes)} statements; exactly one was expected.")
        kind, body = opened(nodes[0])
        if kind == "InsertStmt":
            _insert(body, rules)
        elif kind == "SelectStmt":
            _select(body, rules)
        elif kind == "TransactionStmt":
            return Verdict(_transaction(body))
        else:
            raise Refused(f"{called(kind)} is not allowed in a spool; {_ALLOWED}.")
    except Refused as problem:
        return Verdict("refused", str(problem))
    return Verdict("execute")


def _insert(insert: Node, rules: Rules) -> None:
    closed(insert, {"relation", "cols", "selectStmt", "onConflictClause", "override"}, "in an INSERT")
    if insert.get("override") != "OVERRIDING_NOT_SET":
        raise Refused("OVERRIDING is not allowed in an INSERT.")
    columns = _columns(_table(node_of(insert.get("relation")), rules), insert.get("cols"))
    if "selectStmt" not in insert:
        raise Refused("DEFAULT VALUES is not allowed in an INSERT; name columns, and VALUES for them.")
    source = inside(insert["selectStmt"], "SelectStmt", "as the source of an INSERT")
    if "valuesLists" not in source:
        raise Refused("A SELECT is not allowed as the source of an INSERT; only VALUES of constants are.")
    closed(source, {"valuesLists", "limitOption", "op"}, "beside VALUES")
    _plain_select(source)
    for row in items_of(source["valuesLists"]):
        items = inside(row, "List", "as a row of VALUES")
        closed(items, {"items"}, "in a row of VALUES")
        for item in items_of(items.get("items")):
            _value(item)
    if "onConflictClause" in insert:
        _on_conflict(node_of(insert["onConflictClause"]), columns)


@dataclass(frozen=True)
class _Table:
    name: str
    columns: frozenset[str]

    def check(self, column: str) -> None:
        if column not in self.columns:
            raise Refused(
                f"{self.name} has no column {column} that a spool may write; allowed are {some_of(sorted(self.columns), 20)}."
            )


def _table(relation: Node, rules: Rules) -> _Table:
    closed(relation, {"schemaname", "relname", "inh", "relpersistence", "location"}, "in the name of the table")
    name = (text_of(relation, "schemaname", "public"), text_of(relation, "relname"))
    if relation.get("inh") is not True or relation.get("relpersistence") != "p" or name not in rules.tables:
        known = some_of(sorted(".".join(table) for table in rules.tables), 20)
        raise Refused(f"The table {name[0]}.{name[1]} is not open to a spool; open are {known}.")
    return _Table(f"{name[0]}.{name[1]}", rules.tables[name])


def _columns(table: _Table, targets: object) -> _Table:
    if not targets:
        raise Refused("The INSERT names no columns; a list of columns was expected behind the table.")
    for target in items_of(targets):
        column = inside(target, "ResTarget", "in the list of columns")
        closed(column, {"name", "location"}, "in the list of columns")
        table.check(text_of(column, "name"))
    return table


def _on_conflict(clause: Node, table: _Table) -> None:
    closed(clause, {"action", "infer", "targetList", "location"}, "in ON CONFLICT")
    if "infer" in clause:
        target = node_of(clause["infer"])
        closed(target, {"indexElems", "conname", "location"}, "in the target of ON CONFLICT")
        for element in items_of(target.get("indexElems", [])):
            column = inside(element, "IndexElem", "in the target of ON CONFLICT")
            closed(column, {"name", "ordering", "nulls_ordering"}, "in the target of ON CONFLICT; only names of columns are")
            if (column.get("ordering"), column.get("nulls_ordering")) != ("SORTBY_DEFAULT", "SORTBY_NULLS_DEFAULT"):
                raise Refused("An order is not allowed in the target of ON CONFLICT; only names of columns are.")
            table.check(text_of(column, "name"))
    action = clause.get("action")
    if action not in ("ONCONFLICT_NOTHING", "ONCONFLICT_UPDATE") or (action == "ONCONFLICT_NOTHING") == ("targetList" in clause):
        raise Refused("ON CONFLICT may DO NOTHING or DO UPDATE.")
    for target in items_of(clause.get("targetList", [])):
        assignment = inside(target, "ResTarget", "in DO UPDATE SET")
        closed(assignment, {"name", "val", "location"}, "in DO UPDATE SET")
        table.check(text_of(assignment, "name"))
        kind, body = opened(assignment.get("val"))
        if kind == "ColumnRef":
            closed(body, {"fields", "location"}, "in DO UPDATE SET")
            fields = [name_in(field) for field in items_of(body.get("fields"))]
            if len(fields) != 2 or fields[0] != "excluded":
                raise Refused(f"{'.'.join(fields)} is not allowed in DO UPDATE SET; only EXCLUDED.column and constants are.")
            table.check(fields[1])
        else:
            _value(assignment.get("val"))


def _select(select: Node, rules: Rules) -> None:
    if "valuesLists" in select:
        raise Refused(f"VALUES alone is not allowed in a spool; {_ALLOWED}.")
    closed(select, {"targetList", "limitOption", "op"}, "in a SELECT; a call of one allowed function is")
    _plain_select(select)
    targets = items_of(select.get("targetList", []))
    target = inside(targets[0], "ResTarget", "in a SELECT") if len(targets) == 1 else {}
    closed(target, {"name", "val", "indirection", "location"}, "in a SELECT")
    kind, call = opened(target["val"]) if "val" in target else ("", {})
    if kind != "FuncCall":
        raise Refused(f"A SELECT of a spool calls exactly one allowed function: {_functions(rules)}.")
    if "name" in target or "indirection" in target:
        raise Refused("An alias or a part of the answer is not allowed in a SELECT of a spool.")
    schema, name = whole_name(call.get("funcname"))
    schema = schema or "public"
    if (schema, name) not in rules.functions:
        raise Refused(f"The function {schema}.{name} is not allowed in a spool; allowed are {_functions(rules)}.")
    closed(call, {"funcname", "args", "funcformat", "location"}, "in a call")
    if call.get("funcformat") != "COERCE_EXPLICIT_CALL":
        raise Refused("The function is not called in the usual form, name(arguments).")
    for argument in items_of(call.get("args", [])):
        kind, body = opened(argument)
        if kind == "NamedArgExpr":
            closed(body, {"arg", "name", "argnumber", "location"}, "in a call")
            argument = body.get("arg")
        constant(argument)


def _plain_select(select: Node) -> None:
    if select.get("limitOption") != "LIMIT_OPTION_DEFAULT" or select.get("op") != "SETOP_NONE":
        raise Refused(f"UNION, LIMIT and their like are not allowed in a spool; {_ALLOWED}.")


def _transaction(statement: Node) -> Kind:
    name = text_of(statement, "kind")
    if name not in _TRANSACTION:
        what = name.removeprefix("TRANS_STMT_").replace("_", " ")
        raise Refused(f"{what} is not allowed in a spool; only BEGIN, COMMIT and ROLLBACK are.")
    if set(statement) - {"kind", "location"}:
        raise Refused("BEGIN, COMMIT and ROLLBACK stand without options in a spool.")
    return _TRANSACTION[name]


def _value(node: object) -> None:
    """What may stand in VALUES and SET: a constant, or DEFAULT."""
    kind, body = opened(node)
    if kind == "SetToDefault":
        closed(body, {"location"}, "in DEFAULT")
    else:
        constant(node)


def _functions(rules: Rules) -> str:
    return some_of(sorted(".".join(function) for function in rules.functions), 20)
