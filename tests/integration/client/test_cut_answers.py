"""What was committed, and whose answer was lost: is it done once, and is the answer of the second try the right one?"""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from stage1.client import Client, Summary
from stage1.client.retries import Retries
from tests.plugins.served import Served


class LossyProxy:
    """Passes requests on; of answers that begin, as many as `lose` says are never passed back."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._counting = threading.Lock()
        self._losing = 0
        self.lost = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, count: int = 1) -> None:
        """So many more answers."""
        with self._counting:
            self._losing += count

    def close(self) -> None:
        self._listener.close()

    def _is_lost(self) -> bool:
        with self._counting:
            is_lost = self._losing > 0
            self._losing -= is_lost
            self.lost += is_lost
            return is_lost

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        # Whoever has gone needs no end of the connection.
        with suppress(OSError), client, socket.create_connection(self._address) as server:
            there = threading.Thread(target=_copied, args=(client, server), daemon=True)
            there.start()
            while piece := server.recv(1 << 16):
                if self._is_lost():
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(piece)
            client.shutdown(socket.SHUT_RDWR)


def _copied(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
    except OSError:
        return


@pytest.fixture
def proxy(served: Served) -> Iterator[LossyProxy]:
    found = LossyProxy(served.address)
    yield found
    found.close()


@pytest.fixture
def client(proxy: LossyProxy) -> Iterator[Client]:
    with Client(proxy.url, token="") as found:
        found._transport._retries = Retries(pause=lambda _: None)
        yield found


def _rows(count: int) -> list[dict[str, object]]:
    return [{"source_id": f"s{n}", "input": {"n": n}} for n in range(count)]


@pytest.mark.parametrize("count", [3, 700], ids=["whole", "planned"])
def test_an_upsert_is_done_once(client: Client, proxy: LossyProxy, count: int) -> None:
    name = f"lost-{count}"
    first = client.upsert_dataset(name=name, examples=_rows(count), mode="merge")
    proxy.lose(3)
    second = client.upsert_dataset(name=name, examples=_rows(count + 1), mode="mirror", expected_version_id=first.version_id)
    # The expected version is the latest no more when it is asked again: the key tells that it was this very request.
    assert proxy.lost == 3
    assert (second.sequence, second.created_version, second.summary) == (2, True, Summary(new=1, unchanged=count))
    assert [version["sequence"] for version in client.versions(name)] == [2, 1]


def test_a_restore_is_done_once(client: Client, proxy: LossyProxy) -> None:
    for count in (1, 2):
        client.upsert_dataset(name="lost-restore", examples=_rows(count), mode="mirror")
    proxy.lose(2)
    back = client.restore("lost-restore", 1)
    assert (back.sequence, back.created_version, back.summary) == (3, True, Summary(unchanged=1, deleted=1))


def test_an_experiment_is_made_once_with_its_runs(client: Client, proxy: LossyProxy) -> None:
    dataset = client.upsert_dataset(name="lost-runs", examples=_rows(300), mode="merge")

    def task(input: dict[str, int]) -> int:  # noqa: A002
        if input["n"] in (0, 150, 250):
            proxy.lose()  # whichever answer comes next: a page of work, or one of a batch
        if input["n"] % 10 == 9:
            raise ValueError("nine")
        return input["n"]

    proxy.lose()
    experiment = client.run_experiment(dataset, task, {"even": lambda output: output % 2 == 0})
    assert proxy.lost == 4
    assert [each.experiment_id for each in client.list_experiments("lost-runs")] == [experiment.experiment_id]
    assert (experiment.successful_run_count, experiment.failed_run_count) == (270, 30)
    assert experiment.tally.evaluations["even"].scores == 270
