"""A client of the server that runs for the module."""

from collections.abc import Iterator

import pytest

from stage1.client import Client
from tests.plugins.served import Served


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url, token="") as found:
        yield found
