"""What a backup holds, read with PostgreSQL's own programs."""

import subprocess
from pathlib import Path

import zstandard

from stage1 import settings as settings_module
from stage1.database import binaries, fingerprints
from stage1.database.backup_folder import DUMP
from stage1.database.backup_manifest import TableContent
from stage1.database.connections import Purpose, connected
from tests.plugins.databases import Database


def entries(folder: Path) -> list[str]:
    """What lies in the folder of the backups."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def run_program(name: str, database: Database, *arguments: str, stdin: bytes = b"") -> str:
    """Runs a program of the major version of a database's server."""
    major = int(database.value("show server_version_num")) // 10000
    program = binaries.find(settings_module.load({}), major, (name,)).path(name)
    finished = subprocess.run([str(program), *arguments], check=False, capture_output=True, input=stdin)
    assert finished.returncode == 0, finished.stderr.decode("utf-8", "replace")
    return finished.stdout.decode()


def dump_of(backup: Path) -> bytes:
    """The dump as pg_dump wrote it."""
    return zstandard.ZstdDecompressor().decompressobj().decompress((backup / DUMP).read_bytes())


def restore(backup: Path, database: Database, *options: str) -> None:
    """Restores into an empty database."""
    run_program("pg_restore", database, "--exit-on-error", f"--dbname={database.url}", *options, stdin=dump_of(backup))


def contents(database: Database) -> tuple[TableContent, ...]:
    """The fingerprints of a database now."""
    with (
        connected(database.target, settings_module.load({}), Purpose.SNAPSHOT) as connection,
        fingerprints.snapshot(connection),
    ):
        return fingerprints.tables(connection)
