"""The embedded server as the commands see it: which folder is meant, and what was done.

Owns the choice of the project: the nearest folder upwards with a `.stage1/`, else, for `start` alone, the folder
itself. May import database, settings and errors. Refuses to make a server where a command only asks about one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stage1.database.embedded import EmbeddedServer, ServerStatus, find_project
from stage1.errors import DatabaseNotConfigured
from stage1.settings import Settings

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Stopped:
    """The server after `stop`, and whether there was one to stop."""

    status: ServerStatus
    was_running: bool


def start(folder: Path, settings: Settings, port: int | None = None) -> ServerStatus:
    """Starts the server of the nearest project, or makes one in this folder."""
    return EmbeddedServer(find_project(folder) or folder, settings).start(port)


def stop(folder: Path, settings: Settings) -> Stopped:
    """Stops the server of the nearest project."""
    server = _existing(folder, settings)
    was_running = server.stop()
    return Stopped(server.status(), was_running)


def status(folder: Path, settings: Settings) -> ServerStatus:
    """How the server of the nearest project is."""
    return _existing(folder, settings).status()


def upgrade(folder: Path, settings: Settings, tell: Tell) -> ServerStatus:
    """Brings the nearest project's cluster to the newest PostgreSQL found."""
    return _existing(folder, settings).upgrade(tell=tell)


def _existing(folder: Path, settings: Settings) -> EmbeddedServer:
    project = find_project(folder)
    if project is None:
        raise DatabaseNotConfigured(
            f"There is no embedded PostgreSQL: neither {folder} nor a folder above it has a .stage1/.",
            hint="`stage1 server start` makes one here.",
        )
    return EmbeddedServer(project, settings)
