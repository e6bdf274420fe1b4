"""Runs psql on the target: the newest one that is found, since psql talks to older servers."""

import subprocess

from stage1.database import binaries, programs
from stage1.database.targets import Target
from stage1.errors import BinariesMissing
from stage1.settings import Settings


def run_psql(target: Target, settings: Settings, arguments: list[str]) -> int:
    """Runs psql with the terminal as its own and returns its exit code."""
    found = [installation for installation in binaries.find_all(settings) if installation.has("psql")]
    if not found:
        raise BinariesMissing(
            "psql was not found.", hint="Install PostgreSQL's client programs, or set PG_BINDIR to their folder."
        )
    newest = max(found, key=lambda installation: installation.major)
    connection = programs.connection_string(target)
    command = [str(newest.path("psql")), *(["--dbname", connection] if connection else []), *arguments]
    return subprocess.run(command, env=programs.environment(target), check=False).returncode
