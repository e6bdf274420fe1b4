"""What a database is, as a text that two runs can be compared by."""

import difflib
import re
import subprocess

from psycopg import sql

from stage1 import settings as settings_module
from stage1.database import binaries, programs
from tests.plugins.databases import Database

# When and by whom: these differ between two runs that did the same.
_TIMES = (
    *("created_at", "updated_at", "applied_at", "deployed_at", "replaced_at"),
    *("created_at_utc", "applied_at_utc", "installed_at_utc", "ctime"),
)
_RANDOM = ("id", "username", "hostname", "replaced_id")


def fingerprint(database: Database, *, with_times: bool = False) -> list[str]:
    """Schema by pg_dump, and every row of every table; `with_times` for the same database before and after."""
    return _schema(database) + _rows(database, with_times=with_times)


def _schema(database: Database) -> list[str]:
    major = int(database.value("show server_version_num")) // 10000
    pg_dump = binaries.find(settings_module.load({}), major, ("pg_dump",)).path("pg_dump")
    found = subprocess.run(
        [str(pg_dump), "--schema-only"], env=programs.environment(database.target), capture_output=True, text=True, check=True
    )
    lines = [line for line in found.stdout.splitlines() if not re.match(r"--|\\(un)?restrict|$", line)]
    # The values of sequences and the like are in the rows.
    return [line for line in lines if line.strip()]


def _rows(database: Database, *, with_times: bool) -> list[str]:
    found = []
    with database.connect() as connection:
        tables = connection.execute(
            "select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') order by 1, 2"
        ).fetchall()
        for table in tables:
            left_out = [] if with_times else [*_TIMES, *(_RANDOM if table["schema"] == "stage1_internal" else ())]
            rows = connection.execute(
                sql.SQL("select (to_jsonb(t) - %s::text[])::text as row from {} as t").format(
                    sql.Identifier(table["schema"], table["name"])
                ),
                [left_out],
            )
            found += sorted(f"{table['schema']}.{table['name']} {row['row']}" for row in rows)
    return found


def same(found: list[str], expected: list[str]) -> None:
    """Asserts that two fingerprints are equal, and shows the lines that differ."""
    differences = list(difflib.unified_diff(expected, found, "expected", "found", lineterm="", n=1))
    assert not differences, "\n".join(differences[:40])
