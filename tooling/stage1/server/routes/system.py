"""How the server is: alive, ready, its figures and its description."""

from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from stage1 import __version__, clock
from stage1.database.targets import Target
from stage1.operations.readiness import check_ready
from stage1.server.metrics import MEDIA_TYPE
from stage1.server.schemas.system import Alive, Ready
from stage1.server.serving import Served

router = APIRouter(tags=["system"])

_ASKED_EVERY = 1.0


class _Readiness:
    """Asks with a connection and a thread of its own, since all others may be in use; and not more often than a second."""

    def __init__(self) -> None:
        self._threads = CapacityLimiter(1)
        self._answer: tuple[float, str] | None = None

    async def ask(self, serving: Served) -> str:
        if self._answer is None or clock.monotonic() - self._answer[0] > _ASKED_EVERY:
            target = Target(serving.target.parameters, serving.target.origin)
            migration = await to_thread.run_sync(check_ready, target, serving.settings, limiter=self._threads)
            self._answer = clock.monotonic(), migration
        return self._answer[1]


@router.get("/health", operation_id="health", summary="Does the process live?", response_model=Alive)
async def health() -> Response:
    """Answers while the process can answer at all; asks nothing of the database."""
    return JSONResponse({"status": "alive", "version": __version__})


@router.get("/ready", operation_id="ready", summary="Can requests be worked on?", response_model=Ready)
async def ready(request: Request, serving: Served) -> Response:
    """Whether the database answers and its migrations are current; 503 otherwise."""
    state = request.app.state
    if not hasattr(state, "readiness"):
        state.readiness = _Readiness()
    return JSONResponse({"status": "ready", "migration": await state.readiness.ask(serving)})


@router.get("/metrics", operation_id="metrics", summary="Figures of the server", response_class=PlainTextResponse)
async def metrics(serving: Served) -> Response:
    """In the text format of Prometheus."""
    return Response(serving.metrics.text(), headers={"content-type": MEDIA_TYPE})


@router.get("/openapi.json", operation_id="openapi", summary="The description of this API", response_model=dict[str, Any])
async def openapi(request: Request) -> Response:
    """OpenAPI 3.1."""
    described: dict[str, Any] = request.app.openapi()
    return JSONResponse(described)
