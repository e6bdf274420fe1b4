"""What the vendor's refusals mean, and which of them pass.

Owns the sentences for every answer that is not the data, and the patience with those that may be other ones in a moment: 429
(for as long as Retry-After says), 5xx, cut connections. Imports clock and errors alone; refuses to wait longer than LONGEST_WAIT.
"""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, TypeVar

from stage1 import clock
from stage1.errors import Stage1Error, VendorDenied, VendorHasNone, VendorRefused, VendorUnavailable

LONGEST_WAIT = 120.0  # seconds between two tries
_DOUBLINGS = 30  # of a wait, before which the longest one is reached in any case that matters
_PASSING = (408, 425, 429)
_SHOWN = 300  # characters of what the vendor says

_Answer = TypeVar("_Answer")


class Passing(Exception):
    """A failure that may be none at the next try; `wait` is how long the vendor asks to wait."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        self.reason = reason
        self.wait = wait
        super().__init__(reason)


@dataclass(frozen=True)
class Patience:
    """How often and how soon something is tried again."""

    retries: int
    backoff: float
    say: Callable[[str], None]

    def until_done(self, what: str, work: Callable[[], _Answer]) -> _Answer:
        """The answer of the first try that is not failing for a passing reason."""
        for failed in range(self.retries + 1):
            try:
                return work()
            except Passing as problem:
                if failed == self.retries:
                    self._give_up(what, problem)
                wait = self._own_wait(failed) if problem.wait is None else problem.wait
                if wait > LONGEST_WAIT:
                    raise VendorUnavailable(
                        f"{what}: {problem.reason}, and the vendor asks to wait {wait:,.0f} seconds.",
                        hint="Run the command again then: what has arrived is kept.",
                    ) from problem
                self.say(f"{what}: {problem.reason}; next try in {wait:.1f} s ({failed + 1} of {self.retries})")
                clock.pause(wait)
        raise AssertionError("unreachable")

    def _own_wait(self, failed: int) -> float:
        # Half of the wait at random: those who failed together do not all come back together.
        return min(self.backoff * 2.0 ** min(failed, _DOUBLINGS), LONGEST_WAIT) * random.uniform(0.5, 1)  # noqa: S311

    def _give_up(self, what: str, problem: Passing) -> NoReturn:
        tries = "once" if self.retries == 0 else f"{self.retries + 1} times"
        raise VendorUnavailable(
            f"{what}: {problem.reason} (tried {tries}).",
            hint="Run the command again later: what has arrived is kept and not asked for again.",
        ) from problem


def refusal(status: int, headers: Mapping[str, str], document: Any, text: str, request: str) -> Stage1Error | Passing:
    """What an answer of that status means; `document` is its body as JSON, if it is."""
    case, said, payload = _detail(document, text)
    if status in _PASSING or status >= 500:
        return Passing(_passing(status), _retry_after(headers))
    if status == 401:
        return VendorDenied(
            "The vendor does not accept the key in DATABENTO_API_KEY.", detail=said, hint="Take the key from the vendor's portal."
        )
    if status in (402, 403):
        return VendorDenied(
            f"The vendor does not allow {request} with this key.", detail=said, hint="Look at the account's plan and limits."
        )
    if case in _CASES:
        kind, sentence, hint = _CASES[case]
        known = _Known({name: _line(str(value)) for name, value in payload.items()} | {"request": request})
        return kind(sentence.format_map(known), detail=said, hint=hint.format_map(known))
    return VendorRefused(f"The vendor refused {request} with HTTP status {status}.", detail=said)


class _Known(dict[str, str]):
    """Values for a sentence; what the vendor did not say is unknown."""

    def __missing__(self, key: str) -> str:
        return "an unknown time"


_CASES: dict[str, tuple[type[Stage1Error], str, str]] = {
    "data_start_before_available_start": (
        VendorRefused,
        "{request} begins before the vendor's data, which begin at {available_start}.",
        "Ask for days from then on.",
    ),
    "data_end_after_available_end": (
        VendorRefused,
        "{request} ends after the vendor's data, which end at {available_end}.",
        "Run the command again: it asks for the vendor's end first.",
    ),
    "data_start_after_available_end": (
        VendorHasNone,
        "{request} begins after the vendor's data, which end at {available_end}.",
        "Ask again when the vendor has it.",
    ),
    "data_time_range_start_on_or_after_end": (
        VendorRefused,
        "{request} is a range that ends before it begins.",
        "Give a later end.",
    ),
    "dataset_unavailable_range": (
        VendorDenied,
        "The account may not have {request}: these days need another subscription.",
        "Ask for other days, or look at the account's plan.",
    ),
    "symbology_invalid_request": (
        VendorHasNone,
        "The vendor knows no symbol of {request}.",
        "Look at its spelling, at --dataset and at --stype-in.",
    ),
}


def _passing(status: int) -> str:
    if status == 429:
        return "the vendor asks for fewer requests (HTTP status 429)"
    if status == 504:
        return "the vendor's gateway timed out (HTTP status 504)"
    return f"the vendor failed (HTTP status {status})"


def _detail(document: Any, text: str) -> tuple[str, str, dict[str, Any]]:
    """Case, words and numbers of a refusal: {"detail": text} or {"detail": {"case", "message", "payload"}}."""
    detail = document.get("detail") if isinstance(document, dict) else None
    if isinstance(detail, dict):
        payload = detail.get("payload")
        return str(detail.get("case", "")), _short(str(detail.get("message", ""))), payload if isinstance(payload, dict) else {}
    return "", _short(detail if isinstance(detail, str) else text), {}


def _short(text: str) -> str:
    line = _line(text)
    return f"The vendor says: {line}" if line else ""


def _line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_SHOWN]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, given as a number or as a date."""
    given = headers.get("Retry-After", "")
    try:
        seconds = float(given)
        return None if math.isnan(seconds) else max(seconds, 0.0)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(given)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - clock.now()).total_seconds(), 0.0)
