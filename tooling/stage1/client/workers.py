"""Threads for functions that block, beside an event loop.

Owns the threads. They are daemons and given up rather than waited for: a task that hangs keeps neither its experiment nor the
program. A thread that is done takes the next call; while all are busy, a new one begins. How many calls there are at once is
the caller's to bound.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

_Call = tuple["asyncio.Future[tuple[Any, BaseException | None]]", Callable[[], Any]]


class Workers:
    """The threads of one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle: list[SimpleQueue[_Call | None]] = []

    async def call(self, function: Callable[[], Any]) -> Any:
        """What the function returns or raises, called in a thread."""
        calls = self._idle.pop() if self._idle else self._new()
        future: asyncio.Future[tuple[Any, BaseException | None]] = self._loop.create_future()
        calls.put((future, function))
        # A future cannot carry every exception (StopIteration), so it carries a pair.
        found, failure = await future
        if failure is not None:
            raise failure
        return found

    def close(self) -> None:
        """Ends the threads that are idle; the others end with the call that they are busy with."""
        for calls in self._idle:
            calls.put(None)
        self._idle.clear()

    def _new(self) -> "SimpleQueue[_Call | None]":
        calls: SimpleQueue[_Call | None] = SimpleQueue()
        threading.Thread(target=self._work, args=(calls,), name="stage1-worker", daemon=True).start()
        return calls

    def _work(self, calls: "SimpleQueue[_Call | None]") -> None:
        while (call := calls.get()) is not None:
            future, function = call
            found, failure = _outcome(function)
            try:
                self._loop.call_soon_threadsafe(self._done, calls, future, found, failure)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return
            del call, future, function, found, failure

    def _done(
        self,
        calls: "SimpleQueue[_Call | None]",
        future: "asyncio.Future[tuple[Any, BaseException | None]]",
        found: Any,
        failure: BaseException | None,
    ) -> None:
        self._idle.append(calls)
        if not future.done():
            future.set_result((found, failure))


def _outcome(function: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return function(), None
    except BaseException as failure:  # noqa: BLE001 - what a task raises is its result, even SystemExit
        return None, failure
