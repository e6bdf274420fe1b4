"""Runs and evaluations on their way to the server: gathered, and sent together.

Owns the batches: so many runs, so many bytes or so much time, whichever comes first. Evaluations follow the runs that they are
of. Bounded: whoever hands in more waits. Refuses nothing: what the server refuses ends the experiment's work.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stage1.client.requests import Requests
from stage1.client.transport import Body
from stage1.client.workers import Workers
from stage1.model.canonical_json import written

_BATCH = 200
_BATCH_BYTES = 4 << 20
_SECONDS = 0.5
_WAITING = 2 * _BATCH
_WORTH_PACKING = 32 << 10
_DONE = None


@dataclass
class Outcome:
    """A run and its evaluations, or evaluations alone of a run that is recorded already; filled as they are made."""

    run: Mapping[str, Any] | None = None
    evaluations: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass
class Counts:
    """What the server said of the batches."""

    recorded: int = 0
    kept: int = 0
    evaluations: int = 0


class Sender:
    """Sends what is put in, from a task of the event loop."""

    def __init__(self, requests: Requests, workers: Workers, experiment_id: str, on_conflict: str, producers: int) -> None:
        self._requests = requests
        self._workers = workers
        self._path = f"/v1/experiments/{experiment_id}"
        self._on_conflict = on_conflict
        self._is_broken = False
        self._queue: asyncio.Queue[tuple[str | None, list[str]] | None] = asyncio.Queue(max(_WAITING, producers + 1))
        self.counts = Counts()

    async def put(self, outcome: Outcome) -> None:
        """Hands an outcome in; waits while too many are on their way. After a failure nothing is taken any more."""
        if self._is_broken:
            return
        run = None if outcome.run is None else written(dict(outcome.run))
        await self._queue.put((run, [written(dict(each)) for each in outcome.evaluations]))

    async def close(self) -> None:
        """Says that nothing follows."""
        await self._queue.put(_DONE)

    async def send_all(self, on_failure: Callable[[], Any]) -> None:
        """Sends until `close`; what was put in before is sent."""
        try:
            is_open = True
            while is_open:
                runs, evaluations, is_open = await self._batch()
                if runs or evaluations:
                    await self._workers.call(lambda runs=runs, evaluations=evaluations: self._send(runs, evaluations))  # type: ignore[misc]
        except BaseException:
            # Whoever waits with an outcome must not wait for ever.
            self._is_broken = True
            while not self._queue.empty():
                self._queue.get_nowait()
            on_failure()
            raise

    async def _batch(self) -> tuple[list[str], list[str], bool]:
        runs: list[str] = []
        evaluations: list[str] = []
        size, loop = 0, asyncio.get_running_loop()
        until: float | None = None  # the time of a batch begins with its first run
        while len(runs) < _BATCH and len(evaluations) < 5 * _BATCH and size < _BATCH_BYTES:
            try:
                if until is None or not self._queue.empty():
                    item = await self._queue.get()
                else:
                    async with asyncio.timeout_at(until):
                        item = await self._queue.get()
            except TimeoutError:
                break
            if item is None:
                return runs, evaluations, False
            until = until or loop.time() + _SECONDS
            run, made = item
            runs += [run] if run is not None else []
            evaluations += made
            size += len(run or "") + sum(map(len, made))
        return runs, evaluations, True

    def _send(self, runs: list[str], evaluations: list[str]) -> None:
        if runs:
            text = f'{{"on_conflict":"{self._on_conflict}","runs":[{",".join(runs)}]}}'
            answer = self._requests.write("POST", f"{self._path}/runs/batch", _body(text), has="kept", is_safe=True)
            self.counts.recorded += answer["recorded"] + answer["replaced"] + answer["unchanged"]
            self.counts.kept += answer["kept"]
            if answer["kept"]:
                # Somebody else's runs stand in the place of some of these, and which ones is not said: their evaluations are
                # made later, of the outputs that are recorded.
                return
        if evaluations:
            text = f'{{"evaluations":[{",".join(evaluations)}]}}'
            self._requests.write("POST", f"{self._path}/evaluations/batch", _body(text), has="recorded", is_safe=True)
            self.counts.evaluations += len(evaluations)


def _body(text: str) -> Body:
    content = text.encode()
    if len(content) < _WORTH_PACKING:
        return Body(content, len(content))
    pack = zlib.compressobj(1, wbits=31)
    packed = pack.compress(content) + pack.flush()
    return Body(packed, len(packed), encoding="gzip")
