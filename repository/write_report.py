"""docs/stage1_3_database_implementation_report.md: the exact SQL objects and verification commands, for client developers.

The frame is repository/templates/implementation_report.md; what stands in double braces there is filled in from the
catalog of a migrated database, the files of sql/, and the smoke scripts. A docs test runs the commands.
"""

import re
from pathlib import Path

from repository.catalog import Catalog
from repository.markdown import code, table
from repository.write_sql import definition_of
from stage1 import resources

_TEMPLATE = Path(__file__).parent / "templates" / "implementation_report.md"


def write(catalog: Catalog) -> str:
    """The report."""

    def filled(match: re.Match[str]) -> str:
        kind, _, name = match[1].partition(" ")
        return {
            "table": lambda: code(definition_of(catalog, f"public.{name}"), "sql"),
            "object": lambda: code(catalog.files[f"public.{name}"].text, "sql"),
            "migration": lambda: _constraint(catalog, name),
            "grants": lambda: _grants(catalog),
            "verification": _verification,
        }[kind]()

    return re.sub(r"\{\{([^}]+)\}\}", filled, _TEMPLATE.read_text(encoding="utf-8"))


def _constraint(catalog: Catalog, name: str) -> str:
    found = next(row for row in catalog.parts if row["name"] == name)
    return code(f"alter table {found['relation']}\n  add constraint {name} {found['definition']};", "sql")


def _grants(catalog: Catalog) -> str:
    rows = [
        (f"`{row['role_name']}`", row["privileges"], f"`{row['object_name']}`")
        for row in catalog.role_matrix
        if row["object_name"].startswith("public.") and row["role_name"] == "stage1_app"
    ]
    return table(("role", "may", "on"), rows)


def _verification() -> str:
    """Each smoke script: the question of its first line, its text, and what it prints when it holds."""
    parts = []
    for path in sorted((resources.sql_folder() / "smoke").glob("[0-9]*.sql")):
        text = path.read_text(encoding="utf-8")
        question = text.partition("\n")[0].removeprefix("--").strip()
        prints = "\n".join(line for line in re.findall(r"^\\echo '(.*)'$", text, re.MULTILINE) if line.startswith("ok"))
        parts += [f"### sql/smoke/{path.name}", question, code(text, "sql"), "It prints:", code(prints, "text")]
    return "\n\n".join(parts)
