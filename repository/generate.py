"""`make generate` writes the generated files; `make verify` (`--check`) names those that are stale and exits with 1.

The reference and the report come from the code, the files of sql/ and migrations/, and the catalog of a database that
is migrated from zero on a throwaway server. They are the same on every PostgreSQL, which is proven on each one found;
the schema snapshots are keyed by major version, and only those of the versions found are written or checked.
"""

import difflib
import sys
from itertools import islice
from pathlib import Path

from repository import (
    catalog,
    dump_schema,
    throwaway,
    write_commands,
    write_errors,
    write_migrations,
    write_openapi,
    write_report,
    write_roles,
    write_settings,
    write_sql,
)
from stage1.database import binaries
from stage1.database.connections import Connection, Purpose, connected
from stage1.errors import Stage1Error

ROOT = Path(__file__).resolve().parent.parent


def documents(connection: Connection) -> dict[str, str]:
    """Every generated page by its path; the same on every PostgreSQL."""
    found = catalog.read(connection)
    return {
        "docs/reference/cli.md": write_commands.write(),
        "docs/reference/settings.md": write_settings.write(),
        "docs/reference/errors.md": write_errors.write(),
        "docs/reference/functions.md": write_sql.functions(found),
        "docs/reference/views.md": write_sql.views(found),
        "docs/reference/tables.md": write_sql.tables(found),
        "docs/reference/validation.md": write_sql.validation(found),
        "docs/reference/roles.md": write_roles.write(found),
        "docs/reference/migrations.md": write_migrations.write(),
        "docs/reference/openapi.json": write_openapi.write(),
        "docs/stage1_3_database_implementation_report.md": write_report.write(found),
    }


def snapshot_path(major: int) -> str:
    """Where the schema snapshot of a major version is kept."""
    return f"tests/snapshots/schema-{major}.sql"


def everything() -> dict[str, str]:
    """All generated files, from a throwaway server of each PostgreSQL version that is found."""
    settings = throwaway.own_settings()
    files: dict[str, str] = {}
    for installation in _installations():
        with throwaway.migrated_database(settings, installation) as target:
            with connected(target, settings, Purpose.READ) as connection:
                pages = documents(connection)
            different = [path for path, text in pages.items() if files.get(path, text) != text]
            if different:
                raise SystemExit(
                    f"error: PostgreSQL {installation.version} makes other pages than the one before: {', '.join(different)}"
                )
            files |= pages
            files[snapshot_path(installation.major)] = dump_schema.dump(target, settings, installation.major)
    return files


def main(arguments: list[str]) -> int:
    """Writes the files, or compares them with what stands there."""
    try:
        files = everything()
    except Stage1Error as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.exit_code
    stale = [path for path, text in files.items() if _present(path) != text]
    if "--check" in arguments:
        for path in stale:
            print(f"stale: {path}", file=sys.stderr)
            change = difflib.unified_diff(
                _present(path).splitlines(), files[path].splitlines(), "is", "should be", lineterm="", n=1
            )
            print("\n".join(islice(change, 12)), file=sys.stderr)
        if stale:
            print("Run `make generate` and commit what it writes.", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(files[path], encoding="utf-8")
        print(f"written: {path}")
    if not stale:
        print("nothing to write: every generated file is current")
    return 0


def _installations() -> list[binaries.Binaries]:
    """The preferred installation of each major version that has a snapshot."""
    needed = (*binaries.SERVER_PROGRAMS, "createdb", "pg_dump")
    found: dict[int, binaries.Binaries] = {}
    for installation in binaries.find_all(throwaway.own_settings()):
        if installation.major in dump_schema.MAJORS and all(map(installation.has, needed)):
            found.setdefault(installation.major, installation)
    if not found:
        raise SystemExit(
            f"error: no PostgreSQL of version {', '.join(map(str, dump_schema.MAJORS))} was found; `stage1 doctor` shows what is"
        )
    return [found[major] for major in sorted(found)]


def _present(path: str) -> str:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
