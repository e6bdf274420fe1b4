"""Brings the datasets of the offline catalog to a database: their bars, each with its audit row, and their manifests.

Owns the order (is the manifest there, are the bars the ones that the database has, load, register) and what is passed over. May
import adapters, database and model. Refuses nothing as a whole: a dataset that cannot be brought is named, and the others go on.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from stage1.adapters.databento.whole_file import sha256_of
from stage1.database.postgres_catalog import PostgresCatalog
from stage1.database.targets import Target
from stage1.errors import ExitCode, FileChanged, FileUnusable, Stage1Error
from stage1.model.dataset_manifests import DatasetManifest
from stage1.operations import bars_manifest
from stage1.operations.catalogs import offline_catalog
from stage1.operations.data_folder import DataFolder
from stage1.operations.register_dataset import Load, Progress, is_same, loads_into, register
from stage1.operations.verify_dataset import named_files
from stage1.settings import Settings

PUSHED, UNCHANGED, LEFT = "pushed", "unchanged", "left"
OLDER = "older"  # than what the database knows, which stays


@dataclass(frozen=True)
class PushedDataset:
    """What became of one dataset of the offline catalog."""

    dataset_id: str
    state: str
    bar_count: int
    ingest_id: int | None
    problem: Stage1Error | None = None


def push_datasets(
    target: Target,
    settings: Settings,
    progress: Progress,
    through: Callable[[PushedDataset], None] = lambda _: None,
    load: Load | None = None,
) -> list[PushedDataset]:
    """Brings every dataset; `through` is told of each. What stops all of them, a database that is gone, is raised.

    `load` stands in for the load into the database.
    """
    folder = DataFolder.of(settings)
    catalog = PostgresCatalog(target, settings)
    lost = catalog.without_bars()
    load = load or loads_into(target, settings, progress)
    pushed = []
    for dataset in offline_catalog(settings).rows():
        try:
            one = _push(catalog, folder, dataset, load, is_lost=dataset.dataset_id in lost)
        except Stage1Error as problem:
            if problem.exit_code is ExitCode.CANNOT_NOW and not isinstance(problem, FileUnusable):
                raise
            one = PushedDataset(dataset.dataset_id, LEFT, dataset.bar_count, None, problem)
        pushed.append(one)
        through(one)
    return pushed


def _push(catalog: PostgresCatalog, folder: DataFolder, dataset: DatasetManifest, load: Load, *, is_lost: bool) -> PushedDataset:
    known = catalog.get_dataset(dataset.dataset_id)
    if known is not None and known.generated_at > dataset.generated_at:
        return PushedDataset(dataset.dataset_id, OLDER, dataset.bar_count, None)
    if known is None or is_lost or not is_same(known, dataset):
        _require_files(folder, dataset)
    registered = register(catalog, known, dataset, load, is_lost=is_lost)
    state = PUSHED if registered.changed else UNCHANGED
    return PushedDataset(dataset.dataset_id, state, dataset.bar_count, registered.dataset.ingest_id)


def _require_files(folder: DataFolder, dataset: DatasetManifest) -> None:
    """The manifest must be the one that the row names, and say what the row says; what it names must be there.

    The load itself reads the bars.
    """
    manifest = folder.found(dataset.bars_manifest_path)
    sha256, _ = sha256_of(manifest)
    if sha256 != dataset.bars_manifest_sha256:
        raise FileChanged(
            f"{manifest} is not the manifest that the offline catalog names: its sha256 is {sha256}.",
            hint="Run `stage1 derive` for it again, without a database, and push then.",
        )
    content = manifest.read_bytes()
    named = named_files(manifest, content)
    try:
        told = bars_manifest.dataset(json.loads(content), content, folder, manifest)
    except (ValueError, TypeError, LookupError) as problem:
        raise FileUnusable(
            f"{manifest} lacks something that a manifest of bars says ({problem}).", hint="Run `stage1 derive --force` for it."
        ) from problem
    # A row is a copy; the folder of the data may have another name on the machine that wrote it.
    if not is_same(told, replace(dataset, bars_manifest_path=told.bars_manifest_path)):
        raise FileUnusable(
            f"The offline catalog says of {dataset.dataset_id} what its manifest {manifest} does not say.",
            hint="Run `stage1 data --offline` for it again: it registers what the manifest says.",
        )
    for file in named:
        if file.path in dataset.bars_parquet and not folder.found(file.path).exists():
            raise FileUnusable(
                f"{folder.found(file.path)} is missing, which {manifest} names.", hint="Run `stage1 derive` for it again."
            )
