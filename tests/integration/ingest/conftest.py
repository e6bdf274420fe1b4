"""The command, answered in JSON."""

from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.plugins.command_line import RunCli
from tests.plugins.databases import Database


class Ingest(Protocol):
    """The fixture's type."""

    def __call__(self, *arguments: str | Path, exit_code: int = 0, into: Database | None = None) -> list[dict[str, Any]]: ...


@pytest.fixture
def ingest(run_cli: RunCli, database: Database) -> Ingest:
    """Runs `stage1 ingest` on the test's database, asserts its exit code and returns what it says of each file."""

    def run(*arguments: str | Path, exit_code: int = 0, into: Database | None = None) -> list[dict[str, Any]]:
        found = run_cli("ingest", *map(str, arguments), database=into or database)
        assert found.exit_code == exit_code, found.said
        return found.json["files"] if found.stdout else []

    return run
