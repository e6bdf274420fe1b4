"""What goes wrong on the way: a fault changes an answer before or while it is sent.

`Faults.add` queues one for the requests of an endpoint that a test has in mind. Each function below makes one kind. None of
them sleeps: what is slow waits for a `Gate`, which the test opens.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from itertools import chain
from json import dumps
from typing import Literal

from tests.standin.refusals import Refusal

LIMIT = 30.0  # seconds that anything in a test waits at most

Framing = Literal["chunked", "length", "close"]


class Gate:
    """Lets bytes of an answer through as the test says; the test can wait until the answer is held here."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._free = 0
        self._open = False
        self._holds = False

    def let(self, count: int) -> None:
        """So many bytes more."""
        with self._change:
            self._free += count
            self._holds = False
            self._change.notify_all()

    def open(self) -> None:
        """All the rest."""
        with self._change:
            self._open = True
            self._holds = False
            self._change.notify_all()

    def wait_until_it_holds(self) -> None:
        """Returns when an answer waits here."""
        with self._change:
            if not self._change.wait_for(lambda: self._holds, LIMIT):
                raise TimeoutError("no answer came to the gate")

    def take(self, wanted: int) -> int:
        """Waits, then says how many bytes may pass."""
        with self._change:
            self._holds = not (self._open or self._free)
            self._change.notify_all()
            self._change.wait_for(lambda: self._open or self._free)
            self._holds = False
            taken = wanted if self._open else min(wanted, self._free)
            self._free -= min(taken, self._free)
            return taken


@dataclass
class Answer:
    """What is about to be sent; `true` is whether its body is what the vendor has."""

    status: int
    body: Iterable[bytes]
    headers: dict[str, str] = field(default_factory=dict)
    framing: Framing = "chunked"
    cut_at: int | None = None
    reset: bool = False
    gate: Gate | None = None
    stalled: bool = False
    true: bool = True


@dataclass(frozen=True)
class Fault:
    """A kind of fault: another form is answered than was asked, or the answer is changed, or is a refusal."""

    name: str
    change: Callable[[Answer], None] = lambda _answer: None
    form: Mapping[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None
    gate: Gate | None = None


@dataclass
class _Queued:
    fault: Fault
    endpoint: str
    form: Mapping[str, str]
    skip: int
    times: float


class Faults:
    """The faults to come; one request has at most one, the first queued that fits."""

    def __init__(self) -> None:
        self._queue: list[_Queued] = []
        self._gates: list[Gate] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault, endpoint: str = "timeseries.get_range", *, skip: int = 0, times: float = 1, **form: str) -> Fault:
        """Queues a fault for the requests whose form begins so (`schema="tbbo", start="2023-03"`), from the one after `skip`."""
        with self._lock:
            self._queue.append(_Queued(fault, endpoint, form, skip, times))
            if fault.gate:
                self._gates.append(fault.gate)
        return fault

    def left(self) -> list[str]:
        """The faults that have not happened as often as they were to."""
        with self._lock:
            return [queued.fault.name for queued in self._queue if queued.times != float("inf")]

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._queue.clear()

    def take(self, endpoint: str, form: Mapping[str, str]) -> Fault | None:
        """The fault that this request has."""
        with self._lock:
            for queued in self._queue:
                if queued.endpoint != endpoint or any(not form.get(k, "").startswith(v) for k, v in queued.form.items()):
                    continue
                if queued.skip:
                    queued.skip -= 1
                    continue
                queued.times -= 1
                if queued.times <= 0:
                    self._queue.remove(queued)
                return queued.fault
        return None

    def open_gates(self) -> None:
        """Lets everything through that is held: the server ends."""
        with self._lock:
            for gate in self._gates:
                gate.open()


# -- the connection ---------------------------------------------------------------------------------------------------------


def cut(at: int, framing: Framing = "chunked", *, reset: bool = False) -> Fault:
    """The connection ends after so many bytes of the body (from its end, if negative), by FIN or by RST."""

    def change(answer: Answer) -> None:
        if at < 0:
            answer.body = [b"".join(answer.body)]
        answer.cut_at = at if at >= 0 else len(answer.body[0]) + at
        answer.framing, answer.reset = framing, reset

    return Fault(f"cut at {at}, {framing}{', reset' if reset else ''}", change)


def framed(framing: Framing) -> Fault:
    """The answer, whole, in another framing: with a length, or ended by the close of the connection."""

    def change(answer: Answer) -> None:
        answer.framing = framing

    return Fault(f"framed by {framing}", change)


def slow(gate: Gate) -> Fault:
    """The body comes as the gate lets it."""

    def change(answer: Answer) -> None:
        answer.gate = gate

    return Fault("slow", change, gate=gate)


def stalled(gate: Gate) -> Fault:
    """Not even the status line comes before the gate opens."""

    def change(answer: Answer) -> None:
        answer.gate, answer.stalled = gate, True

    return Fault("stalled", change, gate=gate)


# -- the status ---------------------------------------------------------------------------------------------------------------


def refused(status: int, case: str, message: str = "Refused by the stand-in.") -> Fault:
    """A refusal in the vendor's JSON: 401, 402 `account_insufficient_funds`, 403 `license_not_found_unauthorized`, 422 ..."""
    return Fault(f"{status} {case}", refusal=Refusal(status, case, message))


def failed(status: int = 500, message: str = "Internal Server Error") -> Fault:
    """A failure in plain text, as of the vendor's server or of what stands before it."""
    return Fault(str(status), refusal=Refusal(status, "", message, plain=True))


def too_many(retry_after: int | datetime | None = None) -> Fault:
    """429; when to come again is in seconds, a date, or not said."""
    value = format_datetime(retry_after, usegmt=True) if isinstance(retry_after, datetime) else str(retry_after)
    headers = {} if retry_after is None else {"Retry-After": value}
    return Fault("429", refusal=Refusal(429, "rate_limit_exceeded", "Too many requests.", headers=headers))


def redirected(location: str) -> Fault:
    """302 to another place."""
    return Fault("302", refusal=Refusal(302, "", "Found", headers={"Location": location}, plain=True))


# -- the body ---------------------------------------------------------------------------------------------------------------


def warned(*warnings: str) -> Fault:
    """The true answer, with warnings ("DeprecationWarning: this ends soon") in its header."""
    return Fault("warned", lambda answer: answer.headers.update({"X-Warning": dumps(warnings)}))


def _false(name: str, body: Callable[[Iterator[bytes]], Iterable[bytes]]) -> Fault:
    def change(answer: Answer) -> None:
        answer.body, answer.true = body(iter(answer.body)), False

    return Fault(name, change)


def nothing() -> Fault:
    """200, and no byte."""
    return _false("nothing", lambda _frames: ())


def header_only() -> Fault:
    """The header, and no record."""
    return _false("header only", lambda frames: [next(frames)])


def garbage(body: bytes = b"<html>It works!</html>") -> Fault:
    """200, and something else."""
    return _false("garbage", lambda _frames: [body])


def altered() -> Fault:
    """One bit of the first frame of records is another."""

    def alter(frames: Iterator[bytes]) -> Iterator[bytes]:
        header, frame = next(frames), bytearray(next(frames))
        frame[len(frame) // 2] ^= 1
        return chain([header, bytes(frame)], frames)

    return _false("altered", alter)


def shortened(frames: int = 1) -> Fault:
    """The last days are missing, at the end of a zstd frame: only the number of records tells."""
    return _false("shortened", lambda all_frames: list(all_frames)[:-frames])


def instead(**form: str) -> Fault:
    """What another request would have got: `instead(schema="tbbo")`, `instead(symbols="MSFT")`."""

    def change(answer: Answer) -> None:
        answer.true = False

    return Fault(f"instead {form}", change, form=form)
