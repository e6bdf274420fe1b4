"""Loads derived bars into the database: the Parquet files of a dataset, as one ingest with its audit row.

Owns what the audit row calls them: their slug, and one hash over those of their files. May import database, adapters and model;
numpy and pyarrow are loaded with it. Refuses files that are not those of the manifest.
"""

import hashlib
import json
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from stage1.adapters.databento.whole_file import sha256_of
from stage1.database.bar_loading import IngestedFile, loader
from stage1.database.targets import Target
from stage1.errors import FileChanged, Stage1Error
from stage1.model.bar_batches import Batch
from stage1.model.bars import Bars
from stage1.model.dataset_manifests import DatasetManifest
from stage1.operations.arrow_bars import PRICES
from stage1.operations.data_folder import DataFolder
from stage1.operations.load_bars import Progress, load_bars
from stage1.settings import Settings


def load_derived(
    target: Target,
    settings: Settings,
    data: DataFolder,
    dataset: DatasetManifest,
    progress: Progress,
    *,
    replace_origin: bool = False,
) -> int:
    """Loads the bars of a dataset and returns the id of their ingest; bars that are there already are not written again."""
    bars = _DerivedBars.of(data, dataset)
    file = IngestedFile(
        name=dataset.dataset_id,
        sha256=bars.sha256,
        bytes=bars.bytes,
        options={"dataset_id": dataset.dataset_id},
        dataset=dataset.vendor_dataset,
        origin="derived",
        details={"manifest": dataset.bars_manifest_path},
    )
    with loader(target, settings) as connection:
        run = connection.repeat(file)
    if run is None:
        run = load_bars(target, settings, file, bars, replace_origin, progress)
    return int(run["id"])


@dataclass(frozen=True)
class _DerivedBars:
    """The bars of a manifest; each file is read whole, and proven by its hash, before any of its bars is handed out."""

    symbol: str
    count: int
    first: datetime
    last: datetime
    bytes: int  # of the files together
    files: tuple[tuple[Path, str], ...]  # with the sha256 that the manifest says

    @classmethod
    def of(cls, data: DataFolder, dataset: DatasetManifest) -> "_DerivedBars":
        manifest = data.found(dataset.bars_manifest_path)
        content = manifest.read_bytes()
        if hashlib.sha256(content).hexdigest() != dataset.bars_manifest_sha256:
            raise FileChanged(f"{manifest} is not the manifest any more that was registered.", hint="Run the command again.")
        outputs = json.loads(content)["outputs"]
        assert dataset.first_ts is not None and dataset.last_ts is not None  # noqa: S101 - a dataset without bars is not loaded
        return cls(
            dataset.symbol,
            dataset.bar_count,
            dataset.first_ts,
            dataset.last_ts,
            sum(each["bytes"] for each in outputs),
            tuple((data.found(each["path"]), each["sha256"]) for each in outputs),
        )

    @property
    def names(self) -> tuple[str, ...]:
        return (self.symbol,)

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.symbol,)

    @property
    def sha256(self) -> str:
        """One hash over those of the files, in their order."""
        return hashlib.sha256("".join(f"{sha256}\n" for _, sha256 in self.files).encode()).hexdigest()

    def details(self) -> dict[str, Any]:
        return {"records": self.count, "files": [path.name for path, _ in self.files]}

    def batches(self) -> Generator[Batch, None, None]:
        position = 0
        for path, sha256 in self.files:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != sha256:
                raise _changed(path)
            table = parquet.read_table(pa.BufferReader(content), columns=["ts", *PRICES, "volume"])
            yield Batch(_bars(table, position))
            position += len(table)

    def exchanged(self) -> FileChanged | None:
        for path, sha256 in self.files:
            try:
                same = sha256_of(path)[0] == sha256
            except Stage1Error:
                same = False
            if not same:
                return _changed(path)
        return None


def _changed(path: Path) -> FileChanged:
    return FileChanged(f"{path} is not the file any more that was derived.", hint="Derive it again: stage1 derive.")


def _bars(table: Any, position: int) -> Bars:
    count = len(table)
    prices = {name: _fixed_point(table[name]) for name in PRICES}
    return Bars(
        position=np.arange(position, position + count, dtype=np.int64),
        symbol=np.zeros(count, np.int32),
        ts=table["ts"].cast(pa.int64()).to_numpy().astype(np.uint64),
        volume=table["volume"].cast(pa.uint64()).to_numpy(),
        publisher=np.zeros(count, np.uint16),
        instrument=np.zeros(count, np.uint32),
        **prices,
    )


def _fixed_point(column: Any) -> NDArray[np.int64]:
    """Decimals of scale 9 as units of 1e-9: the lower half of their 128 bits, which is all that a price needs."""
    (chunk,) = column.combine_chunks().chunks if column.num_chunks != 1 else column.chunks
    halves = np.frombuffer(chunk.buffers()[1], np.int64)[2 * chunk.offset :]
    return halves[: 2 * len(chunk) : 2]
