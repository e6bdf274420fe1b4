"""A folder for PG_BINDIR whose programs note how they were called, and may fail on demand."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from stage1 import settings as settings_module
from stage1.database import binaries
from tests.plugins.databases import Database


@dataclass(frozen=True)
class WrappedPrograms:
    """pg_dump and psql behind a script."""

    folder: Path
    log: Path
    real: Path

    @property
    def env(self) -> dict[str, str]:
        """Makes a command find them."""
        return {"PG_BINDIR": str(self.folder)}

    @property
    def calls(self) -> str:
        """Every argument list so far."""
        return self.log.read_text() if self.log.exists() else ""

    def replace(self, program: str, script: str) -> None:
        """Lets a program do something else; `$real` is the real program."""
        path = self.folder / program
        path.write_text(
            "#!/bin/sh\n"
            f'real="{self.real / program}"\n'
            '[ "$1" = --version ] && exec "$real" --version\n'
            f'echo "$0 $*" >> "{self.log}"\n'
            f"{script}\n"
        )
        path.chmod(0o755)


@pytest.fixture
def wrapped_programs(tmp_path: Path, shared_database: Database) -> WrappedPrograms:
    """The programs of the test server's own major version."""
    major = int(shared_database.value("show server_version_num")) // 10000
    real = binaries.find(settings_module.load({}), major, ("pg_dump", "psql")).directory
    folder = tmp_path / "wrapped"
    folder.mkdir()
    found = WrappedPrograms(folder, tmp_path / "calls.log", real)
    for program in ("postgres", "pg_dump", "pg_dumpall", "psql", "pg_restore", "initdb", "pg_ctl", "createdb"):
        found.replace(program, 'exec "$real" "$@"')
    return found
