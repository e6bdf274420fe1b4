"""docs/reference/roles.md: who may do what, from stage1_internal.role_matrix."""

from repository.catalog import Catalog
from repository.markdown import page, table

_INTRODUCTION = """\
`stage1_owner` owns every object and does not log in. The others may do what stands here; nothing is granted to PUBLIC. A role
that exists keeps its login and its password, and whoever owned adopted tables keeps its access by grants of its own. Give a
role to a login with `grant stage1_readonly to somebody`.

`select * from stage1_internal.role_matrix` is this page in the database. `select * from stage1_internal.role_gaps` is the
difference between it and what stands, each line with the statement that mends it. Lines of the kind `missing` are done by
`stage1 migrate`, as far as its connection may; a superuser runs the rest in the order of their steps. Lines of the kind
`excess` are attributes and grants that are too much: `stage1 status` is not well until somebody takes them away, and nothing
else does."""

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
