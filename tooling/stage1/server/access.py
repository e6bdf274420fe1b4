"""Who asks, by the token of the request: looked up by its hash, and remembered for a few seconds.

Owns the rule when a token is needed, and how long an answer of the database holds. So a revoked token ends within
`REMEMBERED` seconds, not at once.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers

from stage1 import clock
from stage1.database.pool import PooledTarget
from stage1.errors import Stage1Error, TokenRequired, TokenTooWeak
from stage1.operations import tokens
from stage1.server.serving import ANYBODY, Caller
from stage1.settings import Settings

Answer = TypeVar("Answer")

REMEMBERED = 3.0
_THREADS = 2
_USE_NOTED_EVERY = 60.0
_MOST_REMEMBERED = 1000
_LONGEST = 200
_READS_ALTHOUGH_POSTED = "/v1/datasets/upsert/plan"
_HINT = "Send the header `Authorization: Bearer TOKEN`; `stage1 tokens create` makes one."


class Access:
    """Decides about requests of one server."""

    def __init__(self, target: PooledTarget, settings: Settings, *, is_loopback: bool) -> None:
        self._target, self._settings = target, settings
        self._is_loopback = is_loopback
        self._stats_are_public = settings.number("STAGE1_PUBLIC_STATS") > 0
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._noted: dict[bytes, float] = {}
        self._any: tuple[float, bool] | None = None
        self._asked: dict[object, asyncio.Task[Any]] = {}
        # Threads and a connection of its own: who may come in is decided while all others work.
        self._threads = CapacityLimiter(_THREADS)

    async def caller(self, method: str, path: str, headers: Headers) -> Caller:
        """Whoever asks; refuses a request that needs another token than it has."""
        given = headers.getlist("authorization")
        if not given and (self._is_free(method, path) or not await self._is_needed()):
            return ANYBODY
        token = _token(given)
        caller = self._remembered(token) or await self._once(token, partial(self._looked_up, token))
        if caller is None:
            if self._is_free(method, path) or not await self._is_needed():
                return ANYBODY
            raise TokenRequired("The token is not known, has expired or was revoked.", hint=_HINT)
        if not (caller.may_write or method in ("GET", "HEAD") or path == _READS_ALTHOUGH_POSTED):
            raise TokenTooWeak(
                f"The token {caller.name} may read, but not write.",
                hint="`stage1 tokens create NAME --write` makes one that may.",
            )
        return caller

    def _is_free(self, method: str, path: str) -> bool:
        if method not in ("GET", "HEAD"):
            return False
        is_stats = path.startswith("/api/market-data/") and path.endswith("/ohlcv-1m/stats")
        return path in ("/health", "/ready") or (is_stats and self._stats_are_public)

    async def _is_needed(self) -> bool:
        if not self._is_loopback:
            return True
        now = clock.monotonic()
        if self._any is not None and now - self._any[0] <= REMEMBERED:
            return self._any[1]
        found = await self._once(None, partial(tokens.any_token_in_force, self._target, self._settings))
        self._any = now, found
        return found

    async def _once(self, key: object, look: Callable[[], Answer]) -> Answer:
        """What the database says, asked once for all who want to know it at the same time."""
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(to_thread.run_sync(look, limiter=self._threads))
            self._asked[key] = task
            task.add_done_callback(lambda done: (self._asked.pop(key), done.cancelled() or done.exception()))
        found: Answer = await asyncio.shield(task)
        return found

    def _remembered(self, token: str) -> Caller | None:
        found = self._known.get(tokens.hash_of(token))
        return found[1] if found and clock.monotonic() - found[0] <= REMEMBERED else None

    def _looked_up(self, token: str) -> Caller | None:
        now = clock.monotonic()
        found = tokens.check_token(self._target, self._settings, token)
        if found is None:
            return None
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        key, caller = tokens.hash_of(token), Caller(found.name, found.may_write)
        self._known[key] = now, caller
        if now - self._noted.get(key, -_USE_NOTED_EVERY) >= _USE_NOTED_EVERY:
            self._noted[key] = now
            # It tells an operator which tokens are in use; a database that cannot be written to now is no reason to refuse.
            with contextlib.suppress(Stage1Error):
                tokens.note_use(self._target, self._settings, token)
        return caller


def _token(given: list[str]) -> str:
    if not given:
        raise TokenRequired("The request carries no token.", hint=_HINT)
    kind, _, token = given[0].partition(" ")
    token = token.strip()
    if len(given) > 1 or kind.lower() != "bearer" or not token or len(token) > _LONGEST or not token.isascii():
        raise TokenRequired("The header Authorization is not of the form `Bearer TOKEN`.", hint=_HINT)
    return token
