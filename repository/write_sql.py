"""docs/reference/functions.md, views.md, tables.md and validation.md: the objects of the database, from their comments."""

import re
from typing import Any

from repository.catalog import Catalog
from repository.markdown import code, first_sentence, page, table

_GENERATOR = "repository/write_sql.py, from `comment on` and the catalog"

_FUNCTIONS = """\
Pages are asked for with `p_limit` (1 to 10000) and `p_offset`, or, equally quick at any depth, with the function of the same
name that ends in `_after` and takes the last row that was read. Arguments may be named: `fn_list_runs(p_symbol => 'AAPL')`. What
a refusal means stands in [errors.md](errors.md)."""

_TABLES = """\
What lies in `public` has the names that clients know; ledgers and bookkeeping lie in `stage1_internal`, beside yoyo's own
tables (`_yoyo_migration` and its like). The statements below are what the migrations end with; a table that stood before keeps
its own columns, indexes and constraints beside these."""

_VALIDATION = """\
A check is a view with the columns `check_name`, `severity` (`error` or `warning`), `subject` and `detail`; no row means healthy.
`stage1 validate` asks each by itself and keeps what they answer; `stage1 status` counts what they find through
`stage1_internal.validation_summary()`; each can be read alone, with psql."""


def functions(catalog: Catalog) -> str:
    """The functions that people call, then the rest in one table."""
    deployed = [row for row in catalog.functions if catalog.area_of(row["name"]) not in ("", "bookkeeping")]
    parts = []
    for area in sorted({catalog.area_of(row["name"]) for row in deployed}):
        parts.append(f"## {area.capitalize()}")
        parts += [_function(catalog, row) for row in deployed if catalog.area_of(row["name"]) == area]
    names = {row["name"] for row in deployed}
    inner = [
        (f"`{row['name'].removeprefix('stage1_internal.')}`", first_sentence(row["comment"]))
        for row in catalog.functions
        if row["name"] not in names
    ]
    rest = (
        "Functions of `stage1_internal` on which migrations, triggers and the deploy step stand. They are not called by clients."
    )
    return page("Functions", _GENERATOR, _FUNCTIONS, *parts, "## Inside", rest, table(("function", "meaning"), inner))


def views(catalog: Catalog) -> str:
    """The views but the checks."""
    shown = [row for row in catalog.relations if row["kind"] == "view" and catalog.area_of(row["name"]) == "views"]
    parts = []
    for row in shown:
        readers = f"Read by: {catalog.roles_of(row['name'], 'select')}."
        parts.append("\n\n".join([f"## {_title(row['name'])}", row["comment"] or "", _columns(catalog, row["name"]), readers]))
    return page("Views", _GENERATOR, *parts)


def tables(catalog: Catalog) -> str:
    """Every table as the statements that would make it."""
    shown = [row for row in catalog.relations if row["kind"] == "table"]
    ordered = [row for row in shown if row["name"].startswith("public.")] + [
        row for row in shown if not row["name"].startswith("public.")
    ]
    parts = []
    for row in ordered:
        described = [
            (f"`{column['name']}`", column["comment"]) for column in catalog.columns_of(row["name"]) if column["comment"]
        ]
        parts.append(
            "\n\n".join(
                part
                for part in (
                    f"## {_title(row['name'])}",
                    row["comment"] or "",
                    code(definition_of(catalog, row["name"]), "sql"),
                    table(("column", "meaning"), described) if described else "",
                    f"Touched by: {catalog.roles_of(row['name'])}.",
                )
                if part
            )
        )
    return page("Tables", _GENERATOR, _TABLES, *parts)


def validation(catalog: Catalog) -> str:
    """The checks."""
    checks = [row for row in catalog.relations if catalog.area_of(row["name"]) == "validation"]
    rows = []
    for row in checks:
        severities = sorted(set(re.findall(r"'(error|warning)' as severity", catalog.files[row["name"]].text)))
        rows.append((f"`{_title(row['name'])}`", ", ".join(severities), row["comment"] or ""))
    return page(
        "Checks", "repository/write_sql.py, from sql/validation/", _VALIDATION, table(("check", "severity", "reports"), rows)
    )


def definition_of(catalog: Catalog, name: str) -> str:
    """A table with its constraints, indexes and triggers, as statements."""
    lines = [_column_definition(column) for column in catalog.columns_of(name)]
    lines += [f"constraint {row['name']} {row['definition']}" for row in catalog.parts_of(name, "constraint")]
    key = catalog.relation(name)["partition_key"]
    partitioned = f" partition by {key.lower()}" if key else ""
    statements = [f"create table {name} (\n  " + ",\n  ".join(lines) + f"\n){partitioned};"]
    statements += [f"{row['definition']};" for part in ("index", "trigger") for row in catalog.parts_of(name, part)]
    return "\n".join(statements)


def signature_of(row: dict[str, Any]) -> str:
    """A function with one argument a line, and what it returns."""
    arguments = re.split(r", (?=p_)", row["arguments"]) if row["arguments"] else []
    inside = "\n  " + ",\n  ".join(arguments) + "\n" if len(arguments) > 1 else "".join(arguments)
    result = "table" if row["returned_columns"] else row["result"]
    return f"{_title(row['name'])}({inside}) returns {result.lower() if result.startswith('SETOF') else result}"


def _function(catalog: Catalog, row: dict[str, Any]) -> str:
    header = catalog.files[row["name"]].text.partition("create or replace")[0]
    raised = list(dict.fromkeys(re.findall(r"\bS1[A-Z]\d\d\b", header)))
    parts = [f"### {_title(row['name'])}", row["comment"] or "", code(signature_of(row), "sql")]
    returned = re.match(r"SETOF public\.(\w+)", row["result"])
    if returned:
        kind = catalog.relation(f"public.{returned[1]}")["kind"]
        parts.append(f"Each row has the columns of the {kind} [{returned[1]}]({kind}s.md#{returned[1]}).")
    elif row["returned_columns"]:
        parts.append(
            table(
                ("column", "type"),
                [(f"`{column.partition(' ')[0]}`", column.partition(" ")[2]) for column in row["returned_columns"]],
            )
        )
    if raised:
        parts.append(f"Raises: {', '.join(f'`{name}`' for name in raised)}.")
    parts.append(f"Executed by: {catalog.roles_of(row['name'], 'execute')}.")
    return "\n\n".join(parts)


def _columns(catalog: Catalog, name: str) -> str:
    return table(("column", "type"), [(f"`{column['name']}`", column["type"]) for column in catalog.columns_of(name)])


def _column_definition(column: dict[str, Any]) -> str:
    given = column["default_value"]
    default = "" if given is None else f" {given}" if given.startswith("generated") else f" default {given}"
    return f"{column['name']} {column['type']}{' not null' if column['is_required'] else ''}{default}"


def _title(name: str) -> str:
    return name.removeprefix("public.")
