"""The catalog of datasets: reads and the upsert, each one call of a function of the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from stage1.database import calls
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.model.datasets import dataset_id_of
from stage1.settings import Settings

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Triplet:
    """What `upsert_stage1_dataset` takes; the id follows from the slug unless it is given."""

    slug: str
    ohlcv_measurement: str
    indicator_measurement: str
    dataset_id: UUID | None = None
    symbol: str | None = None
    granularity: str | None = None
    source: str | None = None
    ohlcv_rows: int | None = None
    indicator_rows: int | None = None
    ohlcv_first: datetime | None = None
    ohlcv_last: datetime | None = None
    indicator_first: datetime | None = None
    indicator_last: datetime | None = None
    metadata: str = "{}"  # JSON: as Python's objects its numbers would lose digits


def list_datasets(target: Target, settings: Settings, limit: int, offset: int) -> Rows:
    """A page of the catalog, the newest first."""
    with connected(target, settings, Purpose.READ) as connection:
        return calls.rows(connection, "public.fn_list_datasets", p_limit=limit, p_offset=offset)


def list_datasets_after(
    target: Target, settings: Settings, limit: int, updated_at: datetime | str | None, dataset_id: UUID | None
) -> Rows:
    """The page of the catalog that follows a row, the newest first; without one the first page."""
    with connected(target, settings, Purpose.READ) as connection:
        return calls.rows(
            connection,
            "public.fn_list_datasets_after",
            p_limit=limit,
            p_after_updated_at=updated_at,
            p_after_dataset_id=dataset_id,
        )


def show_dataset(target: Target, settings: Settings, dataset: str) -> dict[str, Any]:
    """One dataset, by slug or id."""
    with connected(target, settings, Purpose.READ) as connection:
        return calls.rows(connection, "public.fn_show_dataset", p_dataset=dataset)[0]


def dataset_lineage(target: Target, settings: Settings, dataset: str) -> Rows:
    """What came from what: the files, manifest and ingest of a dataset, its runs and their simulations."""
    with connected(target, settings, Purpose.READ) as connection:
        return calls.rows(connection, "public.fn_trace_dataset", p_dataset=dataset)


def upsert_dataset(target: Target, settings: Settings, triplet: Triplet) -> dict[str, Any]:
    """Registers or updates a dataset and returns its row of the catalog."""
    dataset_id = triplet.dataset_id or dataset_id_of(triplet.slug)
    with connected(target, settings, Purpose.WRITE) as connection:
        calls.rows(
            connection,
            "public.upsert_stage1_dataset",
            p_dataset_id=dataset_id,
            p_dataset_slug=triplet.slug,
            p_symbol=triplet.symbol,
            p_granularity=triplet.granularity,
            p_source=triplet.source,
            p_ohlcv_measurement=triplet.ohlcv_measurement,
            p_indicator_measurement=triplet.indicator_measurement,
            p_ohlcv_rows=triplet.ohlcv_rows,
            p_indicator_rows=triplet.indicator_rows,
            p_ohlcv_first=triplet.ohlcv_first,
            p_ohlcv_last=triplet.ohlcv_last,
            p_indicator_first=triplet.indicator_first,
            p_indicator_last=triplet.indicator_last,
            p_metadata=triplet.metadata,
        )
        return calls.rows(connection, "public.fn_show_dataset", p_dataset=str(dataset_id))[0]
