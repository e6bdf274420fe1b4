"""What lies beside a file of a batch download: the job's manifest.json, which announces its files, and symbology.json.

May import errors. Refuses a manifest that cannot be read, and a file that is not the one the manifest announces, with
CountMismatch.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stage1.adapters.databento.json_file import read_json
from stage1.errors import CountMismatch

DBN_ENDINGS = (".dbn", ".dbn.zst")

_HASH = re.compile(r"sha256:([0-9a-fA-F]{64})")
_REPAIR = "Fetch manifest.json of the job again, or move it elsewhere to load the file without it."


@dataclass(frozen=True, slots=True)
class Announced:
    """What is known of a file before it is read; None is what nobody says."""

    sha256: str | None = None
    size: int | None = None
    records: int | None = None
    symbology: Path | None = None
    manifest: Path | None = None


def announced(path: Path) -> Announced:
    """What the files beside `path` say of it. A manifest that does not name the file belongs to another download."""
    symbology, manifest = (path.parent / name for name in ("symbology.json", "manifest.json"))
    named_symbols = symbology if symbology.is_file() else None
    if not manifest.is_file():
        return Announced(symbology=named_symbols)
    entry = _entry(manifest, path.name)
    if entry is None:
        return Announced()
    sha256 = entry.get("hash")
    if sha256 is not None:
        match = _HASH.fullmatch(sha256) if isinstance(sha256, str) else None
        if match is None:
            raise _broken(manifest, path.name, "hash", sha256, "sha256: and 64 hexadecimal digits")
        sha256 = match[1].lower()
    size, records = (_count(manifest, path.name, entry, key) for key in ("size", "record_count"))
    return Announced(sha256, size, records, named_symbols, manifest)


def check(announced: Announced, path: Path, sha256: str, size: int, records: int) -> None:
    """Refuses a file that is another one than was announced."""
    compared = (
        ("size", "bytes", announced.size, size),
        ("record_count", "records", announced.records, records),
        ("hash", "sha256", announced.sha256, sha256),
    )
    other = [(key, what, expected, found) for key, what, expected, found in compared if expected not in (None, found)]
    if other:
        raise CountMismatch(
            f"{path} is not the file that {announced.manifest or 'its job'} announces: "
            + "; ".join(f"{what}: {found}" for _, what, _, found in other)
            + ".",
            detail="Expected " + "; ".join(f"{what}: {expected} ({key})" for key, what, expected, _ in other) + ".",
            hint="Fetch the file again, or move the manifest elsewhere if the file was made anew on purpose.",
        )


def missing(manifest: Path, names: Container[str]) -> list[str]:
    """The DBN files that a manifest announces and that are not among `names`, which lie beside it."""
    announced = (entry.get("filename") for entry in _entries(manifest))
    return [name for name in announced if isinstance(name, str) and name.endswith(DBN_ENDINGS) and name not in names]


def _entry(manifest: Path, name: str) -> dict[str, Any] | None:
    return next((entry for entry in _entries(manifest) if entry.get("filename") == name), None)


def _entries(manifest: Path) -> Iterator[dict[str, Any]]:
    files = read_json(manifest, CountMismatch, _REPAIR).get("files")
    return (entry for entry in (files if isinstance(files, list) else []) if isinstance(entry, dict))


def _count(manifest: Path, name: str, entry: dict[str, Any], key: str) -> int | None:
    value = entry.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise _broken(manifest, name, key, value, "a number from 0")


def _broken(manifest: Path, name: str, key: str, value: object, expected: str) -> CountMismatch:
    return CountMismatch(
        f"{manifest} says {str(value)[:100]!r} for the {key} of {name}.", detail=f"Expected {expected}.", hint=_REPAIR
    )
