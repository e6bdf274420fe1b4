"""Runs psql on the target: PG_BINDIR's, else the newest one that is found, since psql talks to older servers."""

import signal
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
    # PG_BINDIR comes first among those found, and before a newer one.
    chosen = found[0] if settings.text("PG_BINDIR") else max(found, key=lambda installation: installation.major)
    connection = programs.connection_string(target)
    command = [str(chosen.path("psql")), *(["--dbname", connection] if connection else []), *arguments]
    # Ctrl-C belongs to psql, where it ends a query and not the session. A handler, since psql would inherit 'ignore'.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.run(command, env=programs.environment(target), check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code  # as a shell tells of a signal
