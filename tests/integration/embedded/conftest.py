"""A project folder, its server, and a port that nobody uses."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stage1.database.embedded import EmbeddedServer
from tests.integration.embedded.servers import server_of


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project folder whose server is gone after the test."""
    folder = tmp_path / "project"
    folder.mkdir()
    yield folder
    for left in tmp_path.glob("**/.stage1"):
        server_of(left.parent).destroy()


@pytest.fixture
def server(project: Path) -> EmbeddedServer:
    return server_of(project)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
