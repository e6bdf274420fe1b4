"""The work of an experiment in one event loop: tasks and evaluators, so many at once, and one sender.

Owns what happens to a run: called, tried again, timed, evaluated, handed to the sender. A failing task or evaluator is a
result with its message. Work comes as pages that are read when they are wanted. Refuses nothing.
"""

import asyncio
import copy
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stage1 import clock
from stage1.client.callables import Bound, evaluation_of, output_of
from stage1.client.datasets import Example, moment_text
from stage1.client.sending import Counts, Outcome, Sender
from stage1.client.workers import Workers

_LONGEST_MESSAGE = 4_000
_TAKEN_AT_ONCE = 100  # of the work, from a page
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0

Noted = Callable[[int], None]


@dataclass(frozen=True)
class Work:
    """One run to make; or one that is recorded, whose evaluations are to be made."""

    example: Example
    repetition: int
    evaluators: tuple[Bound, ...]
    has_output: bool = False
    output: Any = None


@dataclass(frozen=True)
class Limits:
    """How the work is done."""

    concurrency: int = 8
    retries: int = 0
    timeout: float | None = None


class Engine:
    """Does work until there is none, or until it is told to stop."""

    def __init__(self, task: Bound | None, limits: Limits, seen: Callable[[Outcome], None], noted: Noted) -> None:
        self._task = task
        self._limits = limits
        self._seen = seen
        self._noted = noted
        self._done = 0
        self._is_stopped = False
        self._working: asyncio.Task[None] | None = None

    async def run(self, works: Iterator[Work], make_sender: Callable[[Workers], Sender]) -> Counts:
        """Does all of the work; what is done is sent, also when the rest is given up."""
        workers = Workers()
        sender = make_sender(workers)
        self._working = asyncio.create_task(self._work(works, workers, sender))
        sending = asyncio.create_task(sender.send_all(self.stop))
        try:
            if self._is_stopped:
                self._working.cancel()
            try:
                await self._working
            except asyncio.CancelledError:
                if not self._is_stopped:
                    raise
            finally:
                if not sending.done():
                    await asyncio.wait([asyncio.create_task(sender.close()), sending], return_when=asyncio.FIRST_COMPLETED)
                await sending
        finally:
            workers.close()
        return sender.counts

    def stop(self) -> None:
        """Begins nothing more; what is being done is given up."""
        self._is_stopped = True
        if self._working:
            self._working.cancel()

    async def _work(self, works: Iterator[Work], workers: Workers, sender: Sender) -> None:
        shared = _Shared(works, workers)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._limits.concurrency):
                    group.create_task(self._consume(shared, workers, sender))
        except BaseExceptionGroup as several:
            # One failure ends the work; the others are its consequences.
            raise several.exceptions[0] from None

    async def _consume(self, works: "_Shared", workers: Workers, sender: Sender) -> None:
        async for work in works:
            outcome = Outcome()
            try:
                await self._do(work, outcome, workers)
                await sender.put(outcome)
            except asyncio.CancelledError:
                # A run that was made is kept, though not all of its evaluations are.
                if outcome.run or outcome.evaluations:
                    await sender.put(outcome)
                raise
            self._seen(outcome)
            self._done += 1
            self._noted(self._done)

    async def _do(self, work: Work, outcome: Outcome, workers: Workers) -> None:
        # What is given to a function is its own: a task may change it, and the evaluators see what the dataset holds.
        key = {"source_id": work.example.source_id, "repetition": work.repetition}
        output = work.output
        if not work.has_output:
            started = clock.now()
            output, error = await self._tried(self._task, lambda: _task_values(work), output_of, workers)
            outcome.run = {**key, **_times(started), **({"output": output} if error is None else {"error": error})}
            if error is not None:
                return
        for evaluator in work.evaluators:
            started = clock.now()
            result, error = await self._tried(evaluator, lambda: _evaluator_values(work, output), evaluation_of, workers)
            about = {"name": evaluator.name, "annotator_kind": evaluator.kind, **_times(started)}
            outcome.evaluations.append({**key, **about, **(result if error is None else {"error": error})})

    async def _tried(
        self, bound: Bound | None, values: Callable[[], Mapping[str, Any]], form: Callable[[object], Any], workers: Workers
    ) -> tuple[Any, str | None]:
        assert bound is not None  # noqa: S101 - work without an output comes with a task
        pause = _FIRST_PAUSE
        for left in range(self._limits.retries, -1, -1):
            try:
                return form(await self._called(bound.ready(values()), bound, workers)), None
            except asyncio.CancelledError as failure:
                current = asyncio.current_task()
                if current is None or current.cancelling():
                    raise
                error = _message(failure)  # the function's own
            except BaseException as failure:  # noqa: BLE001 - whatever a function raises is its result
                error = _message(failure)
            if left:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        return None, error

    async def _called(self, call: Callable[[], Any], bound: Bound, workers: Workers) -> Any:
        timeout = self._limits.timeout
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                found = call() if bound.is_async else await workers.call(call)
                return await found if inspect.isawaitable(found) else found
        except TimeoutError:
            if limit.expired():
                raise TimeoutError(f"{bound.name} took longer than {timeout:g} s") from None
            raise


class _Shared(AsyncIterator[Work]):
    """Work that many consumers take from, each item once; the pages behind it are read in a thread."""

    def __init__(self, works: Iterator[Work], workers: Workers) -> None:
        self._works = works
        self._workers = workers
        self._lock = asyncio.Lock()
        self._ready: list[Work] = []
        self._is_over = False

    async def __anext__(self) -> Work:
        async with self._lock:
            if not self._ready and not self._is_over:
                self._ready = await self._workers.call(self._some)
                self._ready.reverse()
                self._is_over = not self._ready
            if not self._ready:
                raise StopAsyncIteration
            return self._ready.pop()

    def _some(self) -> list[Work]:
        return list(itertools.islice(self._works, _TAKEN_AT_ONCE))


def _task_values(work: Work) -> dict[str, Any]:
    given = work.example
    parts = copy.deepcopy((given.input, given.output, given.metadata))
    example = Example(given.source_id, *parts, given.content_hash)
    return {
        "input": example.input,
        "expected": example.output,
        "output": example.output,
        "metadata": example.metadata,
        "example": example,
        "source_id": example.source_id,
        "repetition": work.repetition,
    }


def _evaluator_values(work: Work, output: Any) -> dict[str, Any]:
    return {**_task_values(work), "output": copy.deepcopy(output)}


def _times(started: Any) -> dict[str, str]:
    # A clock may be set back meanwhile, and nothing ends before it began.
    return {"started_at": moment_text(started), "finished_at": moment_text(max(started, clock.now()))}


def _message(failure: BaseException) -> str:
    # Neither U+0000 nor half of a pair can be stored.
    said = " ".join(str(failure).replace("\0", " ").split())
    text = f"{type(failure).__name__}: {said}" if said else type(failure).__name__
    return text[:_LONGEST_MESSAGE].encode("utf-8", "replace").decode()
