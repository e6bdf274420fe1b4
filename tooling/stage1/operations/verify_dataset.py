"""Whether the files of a dataset are still those that its manifest names: each is read and hashed again.

Owns what a manifest must say of its files. May import adapters and model. Refuses a dataset that no catalog knows, and a
manifest that is the catalog's and yet cannot be read.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stage1.adapters.databento.whole_file import sha256_of
from stage1.database.targets import Target
from stage1.errors import DatasetNotFound, FileUnusable
from stage1.model.dataset_manifests import DatasetManifest
from stage1.operations.catalogs import catalog_of
from stage1.operations.data_folder import DataFolder
from stage1.settings import Settings

OK, MISSING, ALTERED = "ok", "missing", "altered"
UNPROVEN = "unproven"  # it is there, and no manifest that can be believed says what it should be
_FORMAT = "stage1-bars/"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class NamedFile:
    """A file as a manifest names it."""

    path: str
    sha256: str
    size: int | None  # of the manifest itself the catalog does not know it


@dataclass(frozen=True)
class VerifiedFile:
    """What became of one file."""

    file: str
    state: str
    bytes: int | None  # as it is now

    @property
    def is_ok(self) -> bool:
        """Whether it is what it should be."""
        return self.state == OK


def verify_dataset(
    target: Target | None, settings: Settings, slug: str, progress: Callable[[str], None] = lambda _: None
) -> list[VerifiedFile]:
    """Every file of a dataset and its state, the manifest first; without a database it is looked up in the offline catalog."""
    dataset = catalog_of(target, settings).get_dataset(slug)
    if dataset is None:
        raise DatasetNotFound(
            f"{slug!r} has no manifest in the catalog.",
            hint="`stage1 datasets list` shows what there is; `stage1 data` makes a dataset whose files can be verified.",
        )
    return verified_files(DataFolder.of(settings), dataset, progress)


def verified_files(
    folder: DataFolder, dataset: DatasetManifest, progress: Callable[[str], None] = lambda _: None
) -> list[VerifiedFile]:
    """The manifest, and, where it is the catalog's, every file that it names."""
    manifest = NamedFile(dataset.bars_manifest_path, dataset.bars_manifest_sha256, None)
    found = [_verified(folder, manifest, progress)]
    if found[0].state == OK:
        path = folder.found(manifest.path)
        found += [_verified(folder, file, progress) for file in named_files(path, path.read_bytes())]
    else:
        # What an altered manifest says proves nothing; the catalog knows which files there should be.
        found += [_present(folder, path) for path in (*dataset.raw_dbn, *dataset.bars_parquet)]
    return found


def named_files(path: Path, content: bytes) -> list[NamedFile]:
    """The inputs and outputs that a manifest names."""
    try:
        document = json.loads(content)
        if not str(document["format"]).startswith(_FORMAT):
            raise ValueError(f"its format is {document['format']!r}")
        return [_named(entry) for part in ("inputs", "outputs") for entry in document[part]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        reason = f"it has no {problem}" if isinstance(problem, KeyError) else str(problem)
        raise FileUnusable(
            f"{path} is not a manifest of bars: {reason}.", hint="Run `stage1 derive` for it again: it writes the manifest anew."
        ) from problem


def _named(entry: dict[str, Any]) -> NamedFile:
    path, sha256, size = entry["path"], entry["sha256"], entry["bytes"]
    if not isinstance(path, str) or not isinstance(size, int) or not _SHA256.fullmatch(str(sha256)):
        raise ValueError(f"a file in it is {json.dumps(entry)[:200]}")
    return NamedFile(path, sha256, size)


def _verified(folder: DataFolder, file: NamedFile, progress: Callable[[str], None]) -> VerifiedFile:
    path = folder.found(file.path)
    if not path.exists():
        return VerifiedFile(file.path, MISSING, None)
    size = path.stat().st_size
    if file.size not in (None, size):
        return VerifiedFile(file.path, ALTERED, size)
    progress(f"{file.path}: hashing {size:,} bytes")
    sha256, size = sha256_of(path)
    return VerifiedFile(file.path, OK if (sha256, file.size or size) == (file.sha256, size) else ALTERED, size)


def _present(folder: DataFolder, written: str) -> VerifiedFile:
    path = folder.found(written)
    return VerifiedFile(written, UNPROVEN, path.stat().st_size) if path.exists() else VerifiedFile(written, MISSING, None)
