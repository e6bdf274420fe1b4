"""A stand-in vendor on loopback for a test: `vendor` has the default market; a test with a market of its own makes a `Vendor`."""

from collections.abc import Iterator

import pytest

from tests.standin.vendor import Vendor


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """Serves at `vendor.address` to who has `vendor.key`; ended, with all its threads, after the test."""
    with Vendor() as serving:
        yield serving
