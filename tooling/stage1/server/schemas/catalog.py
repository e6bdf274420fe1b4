"""What answers about the catalog look like."""

from typing import Literal

from pydantic import BaseModel, Field

from stage1.server.schemas.pages import Id, Metadata, Time


class DatasetRow(BaseModel):
    """One dataset of the catalog."""

    dataset_id: Id
    dataset_slug: str = Field(examples=["AAPL-2023-1m"])
    kind: Literal["triplet", "bars", "examples"]
    symbol: str | None
    granularity: str | None = Field(examples=["1m"])
    source: str | None
    ohlcv_measurement: str
    indicator_measurement: str
    ohlcv_row_count: int | None
    indicator_row_count: int | None
    ohlcv_first_ts: Time | None
    ohlcv_last_ts: Time | None
    indicator_first_ts: Time | None
    indicator_last_ts: Time | None
    run_count: int
    simulation_count: int
    created_at: Time
    updated_at: Time
    metadata: Metadata
    version_count: int = Field(description="Of a set of examples; other datasets have no versions.")
    example_count: int = Field(description="What the latest version holds.")


class LineageRow(BaseModel):
    """One thing in the lineage of a dataset, and what it came from."""

    dataset_id: Id | None
    dataset_slug: str | None
    step: int
    kind: str = Field(examples=["vendor file"])
    name: str
    came_from: str | None
    detail: str | None
    happened_at: Time | None
    ingest_id: int | None
    run_id: Id | None
    simulation_id: Id | None
    version_id: Id | None
    experiment_id: Id | None


class Lineage(BaseModel):
    """The whole lineage of a dataset, to be read top down."""

    items: list[LineageRow]
