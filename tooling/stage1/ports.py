"""What the pipeline needs from outside: a market whose data can be made, and a catalog that keeps what was made.

Owns the two protocols alone; imports model. The market is `operations.ensure_dataset`; catalogs are `database.postgres_catalog`
and `adapters.sqlite_catalog`.
"""

from datetime import date
from typing import Protocol

from stage1.model.dataset_manifests import DatasetManifest


class MarketDataPort(Protocol):
    """Where bars come from."""

    def ensure_dataset(self, symbol: str, from_date: date, to_date: date) -> str:
        """Sees to it that the bars of these days (`to_date` is exclusive) are there, and returns the dataset's id: its slug."""
        ...


class CatalogPort(Protocol):
    """Where datasets are found again."""

    def upsert_dataset(self, dataset: DatasetManifest) -> str:
        """Keeps a dataset, in place of what was known of it; returns its id."""
        ...

    def get_dataset(self, dataset_id: str) -> DatasetManifest | None:
        """A dataset by its id, or nothing."""
        ...
