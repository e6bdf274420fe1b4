"""Registers a dataset of derived bars: its bars are loaded first where the catalog is a database, then its row says so.

Owns when there is nothing to do. May import database, model and ports; what loads is imported when there is something to load.
Refuses nothing itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from stage1 import faults
from stage1.database.targets import Target
from stage1.model.dataset_manifests import DatasetManifest
from stage1.operations.data_folder import DataFolder
from stage1.ports import CatalogPort
from stage1.settings import Settings

# Loads the bars of a dataset and returns the id of their ingest.
Load = Callable[[DatasetManifest], int]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Registered:
    """A dataset as the catalog has it now."""

    dataset: DatasetManifest
    changed: bool


def is_same(known: DatasetManifest, dataset: DatasetManifest) -> bool:
    """Whether they say the same; which ingest brought the bars is for the database to know."""
    return replace(known, ingest_id=None) == replace(dataset, ingest_id=None)


def loads_into(target: Target, settings: Settings, progress: Progress, *, replace_origin: bool = False) -> Load:
    """The load into a database."""

    def load(dataset: DatasetManifest) -> int:
        # pyarrow takes a while to import, and of what is there nothing is to be loaded.
        from stage1.operations.load_derived import load_derived

        return load_derived(target, settings, DataFolder.of(settings), dataset, progress, replace_origin=replace_origin)

    return load


def register(
    catalog: CatalogPort, known: DatasetManifest | None, dataset: DatasetManifest, load: Load | None, *, is_lost: bool
) -> Registered:
    """Keeps a dataset; `known` is what the catalog has of it, `load` brings its bars, `is_lost` says that they are gone."""
    if known is not None and not is_lost and is_same(known, dataset):
        return Registered(known, changed=False)
    if load is not None and dataset.bar_count:
        dataset = replace(dataset, ingest_id=load(dataset))
        faults.reach("data: loaded")
    catalog.upsert_dataset(dataset)
    faults.reach("data: registered")
    return Registered(dataset, changed=True)
