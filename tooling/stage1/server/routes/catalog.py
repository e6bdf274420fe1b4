"""The catalog: datasets of every kind, and what came from what."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from stage1.operations import catalog
from stage1.server import paging
from stage1.server.answers import answer
from stage1.server.openapi import refusals
from stage1.server.schemas.catalog import DatasetRow, Lineage
from stage1.server.schemas.pages import Page
from stage1.server.serving import Served

router = APIRouter(prefix="/v1/datasets", tags=["catalog"])

Dataset = Annotated[
    str,
    Path(
        description="The slug or the id of a dataset; a slug that holds a slash is reached by the id.", examples=["AAPL-2023-1m"]
    ),
]


@router.get(
    "", operation_id="list_datasets", summary="List the datasets", response_model=Page[DatasetRow], responses=refusals(422)
)
def list_datasets(served: Served, limit: paging.Limit = 50, cursor: paging.Cursor = None) -> Response:
    """The catalog, the last changed first."""
    read = partial(catalog.list_datasets_after, served.target, served.settings)
    key = paging.key_of(cursor, paging.moment, paging.identifier)
    return answer(paging.sized_page(read, limit, key, "updated_at", "dataset_id"))


@router.get(
    "/{dataset}",
    operation_id="show_dataset",
    summary="Show one dataset",
    response_model=DatasetRow,
    responses=refusals(404, 422),
)
def show_dataset(served: Served, dataset: Dataset) -> Response:
    """The row of the catalog of one dataset."""
    return answer(catalog.show_dataset(served.target, served.settings, dataset))


@router.get(
    "/{dataset}/lineage",
    operation_id="show_lineage",
    summary="Show what came from what",
    response_model=Lineage,
    responses=refusals(404, 422),
)
def show_lineage(served: Served, dataset: Dataset) -> Response:
    """The vendor's files, the manifest of the bars derived from them, the ingest that loaded these, the dataset with its
    versions and the experiments on them, then each run that used it with its simulations."""
    return answer({"items": catalog.dataset_lineage(served.target, served.settings, dataset)})
