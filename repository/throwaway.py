"""A PostgreSQL of its own for a program of make: started in a temporary folder, migrated, and gone at the end."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stage1 import settings as settings_module
from stage1.database import binaries
from stage1.database.embedded import EmbeddedServer
from stage1.database.targets import Target
from stage1.operations.migrate import migrate
from stage1.settings import Settings


def own_settings() -> Settings:
    """The defaults: what the caller's environment says of databases and spools must not reach a generated file."""
    return settings_module.load({name: os.environ[name] for name in ("PG_BINDIR",) if name in os.environ}, start=Path("/"))


@contextmanager
def migrated_database(settings: Settings, installation: binaries.Binaries) -> Iterator[Target]:
    """A database after migrate and deploy from zero, on the given PostgreSQL."""
    project = Path(tempfile.mkdtemp(prefix="stage1-generate-"))
    server = EmbeddedServer(project, settings, throwaway=True)
    try:
        server.start(binaries=installation)
        target = Target(server.conninfo(), "of the generator")
        migrate(target, settings, lambda _: None, with_backup=False)
        yield target
    finally:
        server.destroy()
        shutil.rmtree(project, ignore_errors=True)
