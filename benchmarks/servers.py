"""Servers for benchmarks: a throwaway embedded PostgreSQL of each major version that is found, with migrated databases."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from stage1 import settings as settings_module
from stage1.database.binaries import SERVER_PROGRAMS, Binaries, find_all
from stage1.database.embedded import EmbeddedServer
from stage1.database.targets import Target
from stage1.operations.migrate import migrate

OLDEST = 15


@dataclass(frozen=True)
class Server:
    """A running server; `parameters` are libpq's for its maintenance database."""

    parameters: dict[str, str]
    version: str

    def new_database(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        """A connection to a new database that is migrated."""
        with psycopg.connect(**self.parameters, autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        parameters = {**self.parameters, "dbname": name}
        migrate(Target(parameters, "of a benchmark"), _settings(), lambda _: None, with_backup=False)
        return psycopg.connect(**parameters, autocommit=True)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def configured(self, **options: object) -> Iterator[None]:
        """Settings of the server for a while."""
        self._alter([f"alter system set {name} = {wanted}" for name, wanted in options.items()])
        try:
            yield
        finally:
            self._alter([f"alter system reset {name}" for name in options])

    def _alter(self, statements: list[str]) -> None:
        with psycopg.connect(**self.parameters, autocommit=True) as connection:  # type: ignore[arg-type]
            for statement in (*statements, "select pg_reload_conf()"):
                connection.execute(statement.encode())


def versions(major: int | None = None) -> list[Binaries]:
    """The preferred installation of each major version, oldest first; of one version where it is given."""
    preferred: dict[int, Binaries] = {}
    for found in find_all(settings_module.load()):
        if found.major >= OLDEST and major in (None, found.major) and all(map(found.has, (*SERVER_PROGRAMS, "createdb"))):
            preferred.setdefault(found.major, found)
    if not preferred:
        raise SystemExit(f"No PostgreSQL {major or ''} was found.")
    return [preferred[each] for each in sorted(preferred)]


@contextlib.contextmanager
def throwaway(binaries: Binaries, *, durable: bool = False) -> Iterator[Server]:
    """A server that is deleted with everything in it at the end; a durable one flushes what it commits until then."""
    with folder() as project:
        server = EmbeddedServer(project, _settings(), throwaway=not durable)
        try:
            server.start(binaries=binaries)
            yield Server(server.conninfo("postgres"), binaries.version)
        finally:
            EmbeddedServer(project, _settings(), throwaway=True).destroy()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that is deleted at the end."""
    made = Path(tempfile.mkdtemp(prefix="stage1-benchmark-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _settings() -> settings_module.Settings:
    # A developer's shell and .env must not change what is measured.
    return settings_module.load(environment={}, start=Path("/"))
