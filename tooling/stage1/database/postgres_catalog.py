"""The catalog in PostgreSQL, as the pipeline sees it: datasets of derived bars by their slugs.

Owns the way between a row of the view `datasets` and its value. May import model and ports. Refuses nothing itself: what a
manifest must say, `upsert_dataset_manifest` decides.
"""

import json
from dataclasses import fields
from typing import Any

from stage1.database import calls
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.errors import DatasetNotFound
from stage1.model.dataset_manifests import LISTS, DatasetManifest, sorted_json
from stage1.model.datasets import dataset_id_of
from stage1.ports import CatalogPort
from stage1.settings import Settings


class PostgresCatalog(CatalogPort):
    """The catalog of a database."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self._target = target
        self._settings = settings

    def upsert_dataset(self, dataset: DatasetManifest) -> str:
        """Keeps a dataset, in place of what was known of it."""
        given: dict[str, Any] = {f"p_{field.name}": getattr(dataset, field.name) for field in fields(dataset)}
        given |= {f"p_{name}": sorted_json(list(getattr(dataset, name))) for name in LISTS}
        given |= {"p_dataset_id": dataset_id_of(dataset.dataset_id), "p_dataset_slug": dataset.dataset_id}
        with connected(self._target, self._settings, Purpose.WRITE) as connection:
            calls.rows(connection, "public.upsert_dataset_manifest", **given)
        return dataset.dataset_id

    def get_dataset(self, dataset_id: str) -> DatasetManifest | None:
        """A dataset by its slug, or nothing."""
        try:
            with connected(self._target, self._settings, Purpose.READ) as connection:
                (row,) = calls.rows(connection, "public.fn_get_dataset_manifest", p_dataset=dataset_id)
        except DatasetNotFound:
            return None
        row |= {name: tuple(json.loads(row[f"{name}_json"])) for name in LISTS}
        return DatasetManifest(**{field.name: row[field.name] for field in fields(DatasetManifest)})

    def without_bars(self) -> set[str]:
        """The datasets whose bars the database does not have, or not all of them, by their slugs."""
        with connected(self._target, self._settings, Purpose.READ) as connection:
            return {
                str(row["subject"])
                for check in ("manifests_without_bars", "manifest_counts_differ")
                for row in calls.view(connection, f"public.{check}")
            }
