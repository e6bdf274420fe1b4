"""The audit trail of loaded files."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from stage1.operations import ingests
from stage1.server import paging
from stage1.server.answers import answer
from stage1.server.openapi import refusals
from stage1.server.schemas.ingests import Ingest, IngestRow
from stage1.server.schemas.pages import Page
from stage1.server.serving import Served

router = APIRouter(prefix="/v1/ingests", tags=["ingests"])


@router.get("", operation_id="list_ingests", summary="List the loads", response_model=Page[IngestRow], responses=refusals(422))
def list_ingests(
    served: Served,
    status: Annotated[Literal["running", "success", "failed"] | None, Query(description="Only those that ended so.")] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> Response:
    """The loads of files, the newest first, those that failed or were undone among them."""
    started_at, ingest_id = paging.key_of(cursor, paging.moment, paging.whole)
    rows = ingests.list_ingests_after(served.target, served.settings, limit + 1, started_at, ingest_id, status)
    return answer(paging.page(rows, limit, "started_at", "id"))


@router.get(
    "/{ingest_id}", operation_id="show_ingest", summary="Show one load", response_model=Ingest, responses=refusals(404, 422)
)
def show_ingest(
    served: Served, ingest_id: Annotated[int, Path(ge=1, le=2**63 - 1, description="The id of the load.", examples=[17])]
) -> Response:
    """One load: its file, counts, warnings, why it failed, and what it did to each symbol."""
    return answer(ingests.show_ingest(served.target, served.settings, ingest_id))
