"""Databases for tests: a migrated template made once, clones of it, and transactions that are rolled back.

The template's name is the hash of what it is made from, so that workers share it and a changed file makes a new one.
"""

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo, sql
from psycopg.rows import DictRow, dict_row

from stage1 import resources
from stage1 import settings as settings_module
from stage1.database.targets import Target
from stage1.operations.migrate import migrate

FIXTURES = Path(__file__).parent.parent / "fixtures"


@dataclass(frozen=True)
class Database:
    """One database of the test server."""

    url: str
    name: str

    @property
    def target(self) -> Target:
        """As the product's own code takes it."""
        return Target({key: str(value) for key, value in conninfo.conninfo_to_dict(self.url).items()}, "of a test")

    def connect(self, **options: Any) -> psycopg.Connection[DictRow]:
        """A connection of the superuser, in autocommit mode unless told otherwise."""
        return psycopg.connect(self.url, **{"autocommit": True, "row_factory": dict_row, **options})

    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """Runs one statement and returns its rows."""
        with self.connect() as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *parameters: object) -> Any:
        """Runs one statement and returns its one value."""
        return next(iter(self.rows(query, *parameters)[0].values()))

    def load(self, path: Path) -> None:
        """Runs a file of statements."""
        with self.connect() as connection:
            connection.execute(path.read_text(encoding="utf-8").encode())


def run_migrate(database: Database, **options: Any) -> Any:
    """Migrates in this process; tests of the command itself go through `run_cli`."""
    settings = settings_module.load(environment={}, start=Path("/"))
    return migrate(database.target, settings, lambda _: None, **{"with_backup": False, **options})


@pytest.fixture(scope="session")
def template(server_url: str) -> Database:
    """The migrated database of which others are clones; made by the first worker that needs it."""
    name = f"stage1_template_{_content_hash()}"
    found = Database(conninfo.make_conninfo(server_url, dbname=name), name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(7162534)")
        if not connection.execute("select 1 from pg_database where datname = %s and datistemplate", [name]).fetchone():
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
            run_migrate(found)
            connection.execute(sql.SQL("alter database {} is_template true").format(sql.Identifier(name)))
        connection.execute("select pg_advisory_unlock(7162534)")
    return found


@pytest.fixture(scope="session")
def shared_database(template: Database, server_url: str) -> Iterator[Database]:
    """A clone for the tests of one worker that roll back."""
    with a_database(server_url, template.name) as database:
        yield database


@pytest.fixture
def db(shared_database: Database) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to a migrated database, in a transaction that is rolled back; every name must be qualified."""
    with shared_database.connect(autocommit=False) as connection:
        connection.execute("set search_path = ''")
        yield connection
        connection.rollback()


@pytest.fixture
def database(template: Database, server_url: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database of its own."""
    with a_database(server_url, template.name, request) as found:
        yield found


@pytest.fixture
def new_database(server_url: str, request: pytest.FixtureRequest) -> Iterator[Callable[[], Database]]:
    """Makes as many empty databases as a test asks for."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(a_database(server_url, "template0", request))


@pytest.fixture
def empty_database(new_database: Callable[[], Database]) -> Database:
    """A database with nothing of ours in it."""
    return new_database()


@pytest.fixture
def old_deployment(empty_database: Database) -> Database:
    """A Stage 1.3 deployment as it was before stage1: old tables, dirty rows, an old view and an old function."""
    empty_database.load(FIXTURES / "old_deployment.sql")
    return empty_database


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Remembers on the test that it failed, so that its database is kept."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


_FAILED = pytest.StashKey[bool]()


@contextlib.contextmanager
def a_database(server_url: str, template: str, request: pytest.FixtureRequest | None = None) -> Iterator[Database]:
    """A clone of a template; dropped at the end, unless the request's test failed."""
    name = f"stage1_test_{uuid.uuid4().hex[:12]}"
    strategy = "file_copy" if template != "template0" else "wal_log"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy {}").format(
                sql.Identifier(name), sql.Identifier(template), sql.SQL(strategy)
            )
        )
        database = Database(conninfo.make_conninfo(server_url, dbname=name), name)
        try:
            yield database
        finally:
            if request is not None and request.node.stash.get(_FAILED, False):
                request.node.add_report_section("teardown", "database", f"kept: {database.url}")
            else:
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _content_hash() -> str:
    checksum = hashlib.sha256()
    package = Path(resources.__file__).parent
    for folder in (resources.migrations_folder(), resources.sql_folder(), package / "database"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".sql", ".py", ".txt"):
                checksum.update(path.name.encode() + path.read_bytes())
    return checksum.hexdigest()[:16]
