"""What a value of a spool's statement may be: a constant, a signed number, an array of them, one cast, now().

Owns the list of types, and the limits that keep a short text from becoming a large value. Imports nothing of ours but the
neighbours. Refuses what stands not on the list.
"""

from stage1.model.parse_tree import Node, Refused, called, closed, inside, items_of, name_in, node_of, opened, text_of, whole_name
from stage1.model.some_of import some_of

_DEEPEST = 8  # arrays in each other
# char(10485760) makes ten megabytes of one letter, and each element of an array as much: a short text fills the memory.
_MAX_MODIFIER = 10_000

_TYPES = {"text", "varchar", "bpchar", "uuid", "int2", "int4", "int8", "numeric", "float4", "float8", "bool", "json", "jsonb"}
_TYPES |= {"bytea", "date", "time", "timestamp", "timestamptz", "interval"}
_NOW = frozenset({"now", "transaction_timestamp"})


def constant(node: object, depth: int = 0, *, in_cast: bool = False) -> None:
    """Refuses a value that is no constant, or one that grows in the memory of the server."""
    kind, body = opened(node)
    if depth > _DEEPEST:
        raise Refused(f"A constant may nest arrays {_DEEPEST} deep.")
    if kind == "A_Const":
        closed(body, {"ival", "fval", "sval", "boolval", "bsval", "isnull", "location"}, "as a constant")
    elif kind == "TypeCast":
        closed(body, {"arg", "typeName", "location"}, "in a cast")
        if in_cast:
            raise Refused("A cast of a cast is not allowed; a constant is cast once.")
        _type(node_of(body.get("typeName")))
        constant(body.get("arg"), depth + 1, in_cast=True)
    elif kind == "A_ArrayExpr":
        closed(body, {"elements", "location", "list_start", "list_end"}, "in an array")
        for element in items_of(body.get("elements", [])):
            constant(element, depth + 1, in_cast=in_cast)
    elif kind == "A_Expr":
        _signed_number(body, depth, in_cast=in_cast)
    elif kind == "FuncCall":
        schema, name = whole_name(body.get("funcname"))
        if name not in _NOW or schema not in ("", "pg_catalog"):
            raise Refused(f"The function {_dotted(schema, name)} is not allowed among values; constants and now() are.")
        closed(body, {"funcname", "funcformat", "location"}, "in now()")
    elif kind == "SQLValueFunction":
        if body.get("op") != "SVFOP_CURRENT_TIMESTAMP" or set(body) - {"op", "typmod", "location"}:
            what = text_of(body, "op").removeprefix("SVFOP_")
            raise Refused(f"{what} is not allowed among values; constants, now() and CURRENT_TIMESTAMP are.")
    else:
        words = {
            "SubLink": "A subselect",
            "ColumnRef": "A name without quotes",
            "ParamRef": "A parameter",
            "SetToDefault": "DEFAULT",
        }
        raise Refused(f"{words.get(kind, called(kind))} is not allowed here; constants and now() are.")


def _signed_number(expression: Node, depth: int, *, in_cast: bool) -> None:
    closed(expression, {"kind", "name", "rexpr", "location"}, "among values; constants are")
    operator = [name_in(part) for part in items_of(expression.get("name"))]
    number = expression.get("rexpr")
    kind, body = opened(number)
    inner, value = opened(body.get("arg")) if kind == "TypeCast" else (kind, body)
    is_number = inner == "A_Const" and ("ival" in value or "fval" in value)
    if expression.get("kind") != "AEXPR_OP" or operator not in (["-"], ["+"]) or not is_number:
        raise Refused("An operator is not allowed among values; constants and signed numbers are.")
    constant(number, depth + 1, in_cast=in_cast)


def _type(name: Node) -> None:
    closed(name, {"names", "typemod", "typmods", "arrayBounds", "location"}, "in the name of a type")
    schema, last = whole_name(name.get("names"))
    if last not in _TYPES or schema not in ("", "pg_catalog"):
        raise Refused(f"The type {_dotted(schema, last)} is not allowed in a cast; allowed are {some_of(sorted(_TYPES), 20)}.")
    if name.get("typmods") and "arrayBounds" in name:
        raise Refused(f"The elements of an array have no length or precision in a cast; write {last}[] instead.")
    for modifier in items_of(name.get("typmods", [])):
        length = inside(modifier, "A_Const", "in brackets behind a type")
        closed(length, {"ival", "location"}, "in brackets behind a type")
        # An interval has bits for its fields there.
        if last != "interval" and _number(length.get("ival")) > _MAX_MODIFIER:
            raise Refused(f"The number in brackets behind a type may be at most {_MAX_MODIFIER:,}; leave it away.")
    for bound in items_of(name.get("arrayBounds", [])):
        inside(bound, "Integer", "in brackets behind a type")
    if name.get("typemod") != -1:
        raise Refused("The type has a modifier that is not known.")


def _number(value: object) -> int:
    number = node_of(value).get("ival", 0)  # the grammar's tree leaves a zero away
    if not isinstance(number, int):
        raise Refused("The type has a modifier that is not known.")
    return number


def _dotted(schema: str, name: str) -> str:
    return f"{schema}.{name}" if schema else name
