"""docs/reference/roles.md: who may do what, from stage1_internal.role_matrix."""

from repository.catalog import Catalog
from repository.markdown import page, table

_INTRODUCTION = """\
`stage1_owner` owns every object and does not log in. The others may do what stands here and nothing else; nothing is granted to
PUBLIC. A role that exists keeps its login and its password. Give a role to a login with `grant stage1_readonly to somebody`.

`select * from stage1_internal.role_matrix` is this page in the database; `select * from stage1_internal.role_gaps` is what is
missing between it and the grants that stand, each line with the statement that mends it."""

_WORDS = {"table": "Tables and views", "function": "Functions", "schema": "Schemas"}


def write(catalog: Catalog) -> str:
    """The page."""
    roles = sorted({row["role_name"] for row in catalog.role_matrix})
    parts = []
    for kind in ("schema", "table", "function"):
        granted = {
            (row["object_name"], row["role_name"]): row["privileges"] for row in catalog.role_matrix if row["object_kind"] == kind
        }
        names = sorted({name for name, _ in granted})
        rows = [[f"`{name}`", *(granted.get((name, role), "") for role in roles)] for name in names]
        parts += [f"## {_WORDS[kind]}", table(("object", *(f"`{role}`" for role in roles)), rows)]
    return page("Roles", "repository/write_roles.py, from stage1_internal.role_matrix", _INTRODUCTION, *parts)
