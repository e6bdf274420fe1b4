"""What answers about loads of files look like."""

from typing import Literal

from pydantic import BaseModel, Field

from stage1.server.schemas.pages import Metadata, Time


class IngestRow(BaseModel):
    """One load of one file."""

    id: int = Field(examples=[17])
    vendor: str = Field(examples=["databento"])
    dataset: str | None = Field(examples=["GLBX.MDP3"])
    file_name: str = Field(examples=["glbx-mdp3-20230103.ohlcv-1m.dbn.zst"])
    file_sha256: str | None
    file_bytes: int | None
    status: Literal["running", "success", "failed"]
    error: str | None = Field(description="Why it failed.")
    origin: Literal["vendor", "derived"]
    started_at: Time
    finished_at: Time | None
    loaded_at: Time | None
    undone_at: Time | None
    min_ts: Time | None
    max_ts: Time | None
    row_count: int
    inserted_count: int
    updated_count: int
    changed_count: int
    rejected_count: int
    removed_count: int | None
    whole: bool = Field(description="Whether the whole file was loaded.")
    options: Metadata
    details: Metadata
    warnings: list[str]
    repeats_ingest_id: int | None
    backend_pid: int | None


class IngestSymbol(BaseModel):
    """What a load did to one symbol."""

    ingest_id: int
    symbol: str
    row_count: int
    inserted_count: int
    updated_count: int
    changed_count: int
    first_ts: Time
    last_ts: Time
    version: int
    undone_version: int | None
    replaced_origin: bool


class Ingest(IngestRow):
    """One load with what it did to the first ten thousand symbols."""

    symbols: list[IngestSymbol]
