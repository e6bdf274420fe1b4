"""What a route is handed: the database with the settings, and who asks.

Owns the dependencies that all routes share. Imports operations' inputs alone. A route gets its database from here and makes
no connection of its own.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from stage1.database.pool import PooledTarget
from stage1.server.metrics import Metrics
from stage1.settings import Settings


@dataclass(frozen=True)
class Caller:
    """Who asks: the name of a token, or nobody in particular."""

    name: str | None
    may_write: bool

    @property
    def created_by(self) -> str:
        """The name under which what this caller writes is recorded."""
        return self.name or "anonymous"


ANYBODY = Caller(None, may_write=True)


@dataclass(frozen=True)
class Serving:
    """What operations need, for as long as the server runs."""

    target: PooledTarget
    settings: Settings
    metrics: Metrics
    at_the_door: PooledTarget  # for access alone


async def _serving(request: Request) -> Serving:
    found: Serving = request.app.state.serving
    return found


async def _caller(request: Request) -> Caller:
    found: Caller = request.scope["state"]["caller"]
    return found


Served = Annotated[Serving, Depends(_serving)]
Asked = Annotated[Caller, Depends(_caller)]
