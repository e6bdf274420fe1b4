"""What the catalog knows of a dataset of bars that was derived from the vendor's files: one row of `dataset_manifests`.

Owns the names of its fields, which are those of the view `datasets`, and their form as JSON text. Imports nothing of ours.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

READY = "READY"
PARTIAL = "PARTIAL"  # a period that is not over
LISTS = ("products", "raw_dbn", "bars_parquet")  # fields that are lists, which a catalog keeps as JSON


@dataclass(frozen=True)
class DatasetManifest:
    """A dataset as the ports of the pipeline hand it on; `dataset_id` is its slug, as their source calls it."""

    dataset_id: str
    symbol: str
    from_date: date
    to_date: date  # exclusive
    products: tuple[str, ...]
    calendar_version: str
    tz: str
    raw_dbn: tuple[str, ...]  # paths as the manifest has them: from the folder that holds the data folder
    bars_parquet: tuple[str, ...]
    bars_manifest_path: str
    bars_manifest_sha256: str
    generated_at: datetime
    size_bytes: int  # of the raw files and the Parquet files together
    status: str
    vendor_dataset: str
    bar_count: int
    first_ts: datetime | None
    last_ts: datetime | None
    ingest_id: int | None = None  # the row of data_ingest_runs that brought the bars; none in an offline catalog

    def as_row(self) -> dict[str, Any]:
        """By the names of the view `datasets`: lists as JSON text, dates and times as ISO 8601."""
        row = asdict(self)
        for name in LISTS:
            row[f"{name}_json"] = sorted_json(list(row.pop(name)))
        return {
            name: value.isoformat() if isinstance(value, (date, datetime)) else value
            for name, value in sorted(row.items(), key=lambda item: item[0])
        }


def sorted_json(document: object) -> str:
    """JSON text that is the same for equal documents."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
