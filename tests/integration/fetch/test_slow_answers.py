"""A vendor that dribbles: each byte comes in time, and the answer never."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stage1 import clock
from tests.plugins.fetched_files import QUARTER, tree
from tests.standin.faults import Gate, slow

IMPATIENT = {"STAGE1_VENDOR_TIMEOUT": "0.2", "STAGE1_VENDOR_RETRIES": "0"}


@contextmanager
def dribbling(gate: Gate) -> Iterator[None]:
    """Lets a byte through every twentieth of a second."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.05):
            gate.let(1)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("endpoint", ["metadata.get_dataset_range", "symbology.resolve", "timeseries.get_range"])
def test_it_is_given_up_and_the_next_run_finishes(fetch, vendor, data, twin, endpoint):
    vendor.faults.add(slow(gate := Gate()), endpoint)
    begun = clock.monotonic()
    with dribbling(gate):
        found = fetch(*QUARTER, exit_code=4, **IMPATIENT)
    assert clock.monotonic() - begun < 10
    assert "the vendor sends too slowly" in found.stderr
    gate.open()
    fetch(*QUARTER)
    assert tree(data) == twin(*QUARTER)


def test_whoever_is_slow_on_this_side_is_not_the_vendor(fetch, vendor, data, monkeypatch):
    """A disk that waits longer than the vendor may: the connection is not ended for it."""
    from stage1.adapters.databento import arriving_file

    real, waited = arriving_file.hashlib.sha256, threading.Event()

    class Slow:
        def __init__(self) -> None:
            self._hash = real()

        def update(self, piece: bytes) -> None:
            waited.wait(1)  # that is how long the first piece takes here
            waited.set()
            self._hash.update(piece)

        def hexdigest(self) -> str:
            return self._hash.hexdigest()

    monkeypatch.setattr(arriving_file.hashlib, "sha256", Slow)
    fetch(*QUARTER[:2], "--from", "2023-01-01", "--until", "2023-02-01", "--products", "TRADES", **IMPATIENT)
