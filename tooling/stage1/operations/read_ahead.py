"""Does the next piece of work while the last one is used: an iterator whose items are made by a thread of its own.

Owns the thread: it ends with the block, whatever happens in it. An error of the maker is raised where its item is
awaited. Imports nothing of ours.
"""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_Item = TypeVar("_Item")

_LOOK_UP = 0.05  # seconds after which a maker that nobody listens to notices


class _Problem(Generic[_Item]):
    def __init__(self, problem: BaseException | None) -> None:
        self.problem = problem


@contextmanager
def read_ahead(items: Iterable[_Item], depth: int = 2) -> Iterator[Iterator[_Item]]:
    """The items, at most `depth` of them made before they are asked for."""
    made: queue.Queue[_Item | _Problem[_Item]] = queue.Queue(depth)
    left = threading.Event()

    def put(item: _Item | _Problem[_Item]) -> bool:
        while not left.is_set():
            try:
                made.put(item, timeout=_LOOK_UP)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        problem: BaseException | None = None
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as raised:  # noqa: BLE001 - raised again by whoever awaits the item
            problem = raised
        finally:
            if isinstance(items, Generator):
                items.close()  # where nobody listens any more: its files are closed now, not at some time
        put(_Problem(problem))

    def used() -> Iterator[_Item]:
        while True:
            item = made.get()
            if not isinstance(item, _Problem):
                yield item
                continue
            if item.problem is not None:
                raise item.problem
            return

    maker = threading.Thread(target=make, name="read ahead", daemon=True)
    maker.start()
    try:
        yield used()
    finally:
        left.set()
        maker.join()
