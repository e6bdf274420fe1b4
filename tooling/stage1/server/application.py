"""The application: its routes, and what lies around every one of them.

Owns the order of the layers: observing, guarding, compression of answers, then the routes. `ROUTERS` is the list of all
routes. Refuses nothing itself.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from stage1 import __version__
from stage1.database.pool import pooled
from stage1.database.targets import Target
from stage1.server import openapi, problems
from stage1.server.access import Access
from stage1.server.aliases import symbol_aliases
from stage1.server.metrics import Metrics
from stage1.server.observing import Observing
from stage1.server.routes import catalog, examples, experiments, ingests, market_data, system, validation
from stage1.server.security import Guarding, OwnNames
from stage1.server.serving import Serving
from stage1.settings import Settings

ROUTERS: tuple[APIRouter, ...] = (
    system.router,
    catalog.router,
    market_data.router,
    ingests.router,
    validation.router,
    examples.router,
    experiments.router,
)

_SMALLEST_TO_COMPRESS = 1000
_QUICKLY = 1
# Twice as many threads as connections: while some read or parse, others wait for the database.
_THREADS_PER_CONNECTION = 2


def create_application(target: Target, settings: Settings, *, host: str = "127.0.0.1", is_loopback: bool = True) -> FastAPI:
    """The application over one database, for a server that listens on that address."""
    # What cannot be read is refused while nobody has asked yet.
    symbol_aliases(settings)
    settings.number("STAGE1_MAX_BODY_MB")
    database = pooled(target, settings)
    at_the_door = pooled(target, settings, size=1)  # whoever may come in is known while all others are in use
    serving = Serving(database, settings, Metrics(database.figures), at_the_door)
    application = FastAPI(
        title="stage1",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        middleware=[
            Middleware(Observing, metrics=serving.metrics),
            Middleware(
                Guarding,
                names=OwnNames(settings, host),
                access=Access(at_the_door, settings, is_loopback=is_loopback),
            ),
            Middleware(GZipMiddleware, minimum_size=_SMALLEST_TO_COMPRESS, compresslevel=_QUICKLY),
        ],
    )
    application.state.serving = serving
    problems.install(application)
    for router in ROUTERS:
        application.include_router(router)
    application.openapi = partial(_described, application)  # type: ignore[method-assign]
    return application


def _described(application: FastAPI) -> dict[str, Any]:
    if application.openapi_schema is None:
        application.openapi_schema = openapi.document(application, ROUTERS)
    return application.openapi_schema


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[dict[str, Any]]:
    serving: Serving = application.state.serving
    limiter = to_thread.current_default_thread_limiter()
    limiter.total_tokens = _THREADS_PER_CONNECTION * max(1, serving.settings.count("STAGE1_POOL_SIZE"))
    for pool in (serving.target, serving.at_the_door):
        pool.open()
    try:
        yield {}
    finally:
        for pool in (serving.target, serving.at_the_door):
            pool.close()
