"""Servers of a test's own: for roles, which belong to the whole cluster, for passwords, and for servers that are killed.

Tests that use one carry `pytest.mark.xdist_group("own_server")`, so that one worker alone starts it.
"""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import conninfo, sql

from stage1 import settings as settings_module
from stage1.database.embedded import EmbeddedServer
from tests.plugins.databases import Database
from tests.plugins.postgres_server import folder_of_a_server


@dataclass(frozen=True)
class OwnServer:
    """One embedded server with a port and scram."""

    embedded: EmbeddedServer
    password: str

    @property
    def port(self) -> int:
        """On 127.0.0.1."""
        port = self.embedded.status().port
        assert port
        return port

    def database(self, name: str = "postgres") -> Database:
        """A database over the socket, as superuser."""
        return Database(conninfo.make_conninfo("", **self.embedded.conninfo(name)), name)

    def new_database(self, name: str, owner: str | None = None) -> Database:
        """An empty database."""
        with self.database().connect() as connection:
            connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
            if owner:
                connection.execute(sql.SQL("alter database {} owner to {}").format(sql.Identifier(name), sql.Identifier(owner)))
        return self.database(name)

    def as_role(self, role: str, database: Database, password: str = "") -> Database:
        """The database, logged in as another role: over the socket, or over the port when there is a password."""
        if password:
            place = {"host": "127.0.0.1", "port": str(self.port), "password": password}
        else:
            place = {key: value for key, value in self.embedded.conninfo().items() if key in ("host", "port")}
        return Database(conninfo.make_conninfo("", **place, user=role, dbname=database.name), database.name)

    def clear(self) -> None:
        """Takes away all databases and roles that tests made."""
        with self.database().connect() as connection:
            for row in connection.execute("select datname from pg_database where not datistemplate and datname <> 'postgres'"):
                name = sql.Identifier(row["datname"])
                connection.execute(sql.SQL("drop database {} with (force)").format(name))
            roles = "select rolname from pg_roles where rolname not like 'pg\\_%' and rolname <> current_user"
            for row in connection.execute(roles).fetchall():
                connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(row["rolname"])))
                connection.execute(sql.SQL("drop role {}").format(sql.Identifier(row["rolname"])))

    @contextmanager
    def small_disk(self, tablespace: str, megabytes: int) -> Iterator[Callable[[int], None]]:
        """A tablespace on a file system of its own; yields what makes that larger. At the end all databases go with it."""
        folder = self.embedded.status().data_directory.parent / tablespace
        folder.mkdir(exist_ok=True)
        account = self.embedded.status().data_directory.stat()
        options = f"size={megabytes}m,uid={account.st_uid},gid={account.st_gid},mode=0700"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small file system cannot be mounted here")

        def grow(megabytes: int) -> None:
            subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(folder)], check=True)

        try:
            self.database().rows(f"create tablespace {tablespace} location '{folder}'")
            yield grow
        finally:
            self.clear()
            self.database().rows(f"drop tablespace if exists {tablespace}")
            subprocess.run(["umount", str(folder)], check=True)
            folder.rmdir()

    def kill(self) -> None:
        """Ends the server as a crash would: the postmaster at once, its children after it."""
        pid = self.embedded.status().pid
        assert pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(pid, signal.SIGKILL)
        for child in map(int, children):
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.kill(child, signal.SIGKILL)


@contextmanager
def _server() -> Iterator[OwnServer]:
    project = folder_of_a_server("stage1-own-")
    embedded = EmbeddedServer(project, settings_module.load(start=project), throwaway=True)
    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        status = embedded.start(port)
        yield OwnServer(embedded, status.password_file.read_text().strip())
    finally:
        embedded.destroy()
        shutil.rmtree(project, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_own_server() -> Iterator[OwnServer]:
    """Started by the first test that needs it."""
    with _server() as server:
        yield server


@pytest.fixture
def own_server(shared_own_server: OwnServer) -> Iterator[OwnServer]:
    """A cluster without any database or role but its own."""
    shared_own_server.clear()
    yield shared_own_server


@pytest.fixture
def doomed_server() -> Iterator[OwnServer]:
    """A server that the test may kill."""
    with _server() as server:
        yield server
