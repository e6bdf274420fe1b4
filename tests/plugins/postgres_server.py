"""The server that the tests run on: TEST_DATABASE_URL, else a container, else the embedded PostgreSQL of this project.

It is started once by the process that pytest was called as; workers of pytest-xdist find it in the environment.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from stage1 import settings as settings_module
from stage1.database.embedded import EmbeddedServer

_HANDED_TO_WORKERS = "STAGE1_TEST_SERVER"
_NAME_HANDED_TO_WORKERS = "STAGE1_TEST_SERVER_NAME"

_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of its own in it
_ENOUGH_MEMORY = 6 * 1024**3

# A developer's shell must not change what the tests find.
_NOT_FROM_THE_SHELL = (
    "DATABASE_URL",
    "PGHOST",
    "PGHOSTADDR",
    "PGSERVICE",
    "PGDATABASE",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
)


def pytest_configure(config: pytest.Config) -> None:
    """Starts the server before the first test is collected; a run without one would fail hundreds of times."""
    for name in list(os.environ):
        if name in _NOT_FROM_THE_SHELL or (name.startswith("STAGE1_") and not name.startswith("STAGE1_TEST_")):
            del os.environ[name]
    if hasattr(config, "workerinput") or config.option.collectonly or config.option.help:
        return
    url, name, stop = _given() or _container() or _embedded()
    config.add_cleanup(stop)
    with psycopg.connect(url, connect_timeout=10) as connection:
        name = f"{name}, PostgreSQL {connection.info.parameter_status('server_version')}"
    os.environ[_HANDED_TO_WORKERS] = url
    os.environ[_NAME_HANDED_TO_WORKERS] = name


def pytest_report_header() -> str:
    """Says which server it is."""
    return f"server: {os.environ.get(_NAME_HANDED_TO_WORKERS, 'none')}"


@pytest.fixture(scope="session")
def server_url() -> str:
    """A superuser's connection to the server's maintenance database."""
    return os.environ[_HANDED_TO_WORKERS]


def _given() -> tuple[str, str, Callable[[], None]] | None:
    url = os.environ.get("TEST_DATABASE_URL")
    return (url, "TEST_DATABASE_URL", lambda: None) if url else None


def _container() -> tuple[str, str, Callable[[], None]] | None:
    if os.environ.get("PG_BINDIR") or shutil.which("docker") is None:
        return None
    try:
        answers = subprocess.run(["docker", "info"], capture_output=True, timeout=2).returncode == 0
    except subprocess.TimeoutExpired:
        return None
    if not answers:
        return None
    from testcontainers.postgres import PostgresContainer

    container = PostgresContainer("postgres:16-alpine", username="stage1", dbname="postgres", driver=None).with_command(
        "postgres -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    )
    container.start()
    return container.get_connection_url(), "a container", container.stop


def _embedded() -> tuple[str, str, Callable[[], None]]:
    project = folder_of_a_server("stage1-tests-")
    server = EmbeddedServer(project, settings_module.load(start=project), throwaway=True)

    def stop() -> None:
        server.destroy()
        shutil.rmtree(project, ignore_errors=True)

    try:
        server.start()
    except BaseException:
        stop()
        raise
    return conninfo.make_conninfo("", **server.conninfo("postgres")), "the embedded PostgreSQL", stop


def folder_of_a_server(prefix: str) -> Path:
    """A new project in memory where there is room: thousands of databases are made and dropped, which a disk is slower at."""
    is_there = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    has_room = is_there and shutil.disk_usage(_MEMORY).free > _ENOUGH_MEMORY
    project = Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if has_room else None))
    project.chmod(0o755)  # so that the account of root's server reaches its data where they are
    return project
