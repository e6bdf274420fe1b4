"""The manifest of derived bars: what they were made of, what was made, and by which rules.

Owns the form of manifest.json, when bars are still what it says, and what the catalog is told of them. May import model and
the adapters' hash; nothing heavy, since it is read when nothing is to be done. Refuses raw files that are not what is known of
them; a manifest that cannot be read, or is of another form, is none.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stage1.adapters.databento.whole_file import sha256_of
from stage1.errors import FileChanged, Stage1Error
from stage1.model.dataset_manifests import DatasetManifest
from stage1.model.periods import Period
from stage1.operations import known_files
from stage1.operations.data_folder import DataFolder

if TYPE_CHECKING:
    from stage1.operations.derive_inputs import RawInput

FORMAT = "stage1-bars/1"
ALGORITHM = "bars-1m/1"  # another one when the same inputs would give other bars
PARAMETERS = {
    "bucket": "ts_recv",
    "compression": "zstd level 3, one row group a file",
    "counted": "action T, a defined price, a size above 0",
    "interval": "half-open",
    "label": "start",
    "quotes": "bid and ask of the minute's last record; spread_mean over the records that have both",
    "rounding": "vwap and spread_mean to 1e-9, half to even",
}
SLUG_RULE = (
    "{symbol}-{year}-1m, or {symbol}-{from}-{until}-1m for another range (until is exclusive); in the symbol, what is no letter,"
    " digit or one of _ + = . - is written as %XX"
)


def document(data: DataFolder, symbol: str, period: Period, inputs: Sequence["RawInput"]) -> dict[str, Any]:
    """All of a manifest that is known before a file is read."""
    return {
        "algorithm": ALGORITHM,
        "calendar_version": "utc-24x7/1",
        "dataset_id": period.slug(symbol),
        "dataset_id_chosen_as": SLUG_RULE,
        "format": FORMAT,
        "from_date": period.first.isoformat(),
        "inputs": [_input(data, each) for each in inputs],
        "parameters": PARAMETERS,
        "products": [each.product for each in inputs],
        "symbol": symbol,
        "timeframe": "1m",
        "to_date": period.until.isoformat(),
        "tz": "UTC",
    }


def encoded(manifest: dict[str, Any]) -> bytes:
    """The bytes of manifest.json."""
    return json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def read(path: Path) -> tuple[dict[str, Any], bytes] | None:
    """A manifest and its bytes; none where there is none of this form."""
    try:
        content = path.read_bytes()
        found = json.loads(content)
    except (OSError, ValueError, RecursionError):
        return None
    return (found, content) if isinstance(found, dict) and found.get("format") == FORMAT else None


def inputs_of(path: Path) -> dict[str, str]:
    """The sha256 of each raw file that a manifest names, by its path there."""
    before = read(path)
    try:
        return {each["path"]: each["sha256"] for each in before[0]["inputs"]} if before else {}
    except (KeyError, TypeError):
        return {}


def is_same(made: dict[str, Any], before: tuple[dict[str, Any], bytes]) -> bool:
    """Whether a manifest that was made just now differs from the one in place by its time alone."""
    found, content = before
    try:
        datetime.fromisoformat(found["generated_at"])
    except (KeyError, TypeError, ValueError):
        return False
    return encoded(made | {"generated_at": found["generated_at"]}) == content


def is_of(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a manifest is of the same inputs and rules; what only reading tells is not asked."""
    try:
        inputs = [{name: each[name] for name in known} for each, known in zip(found["inputs"], wanted["inputs"], strict=True)]
    except (KeyError, TypeError, ValueError):
        return False
    return {name: found.get(name) for name in wanted} | {"inputs": inputs} == wanted


def is_intact(found: dict[str, Any], data: DataFolder, *, verify: bool) -> bool:
    """Whether the files that a manifest names have the bytes that it says."""
    try:
        return all(_is_file(data.found(each["path"]), each["sha256"], verify=verify) for each in found["outputs"])
    except (KeyError, TypeError, Stage1Error):
        return False


def require_inputs(inputs: Sequence["RawInput"]) -> None:
    """Hashes the raw files, and refuses one that is not what is known of it."""
    for each in inputs:
        require_sha256(each, sha256_of(each.path)[0])


def require_sha256(given: "RawInput", found: str) -> None:
    """Refuses a raw file of other bytes than were fetched or looked at before."""
    if found != given.sha256:
        raise FileChanged(
            f"{given.path} is not the file that is known of: its sha256 is {found}.",
            detail=f"Expected {given.sha256}.",
            hint="Run `stage1 fetch --force` for a new one; another file that is meant is taken after a `touch`.",
        )


def dataset(found: dict[str, Any], content: bytes, data: DataFolder, path: Path) -> DatasetManifest:
    """What the catalog keeps of it."""
    outputs = found["outputs"]
    moments = [datetime.fromisoformat(each[name]) for each in outputs for name in ("first_ts", "last_ts")]
    return DatasetManifest(
        dataset_id=found["dataset_id"],
        symbol=found["symbol"],
        from_date=date.fromisoformat(found["from_date"]),
        to_date=date.fromisoformat(found["to_date"]),
        products=tuple(found["products"]),
        calendar_version=found["calendar_version"],
        tz=found["tz"],
        raw_dbn=tuple(each["path"] for each in found["inputs"]),
        bars_parquet=tuple(each["path"] for each in outputs),
        bars_manifest_path=data.written(path),
        bars_manifest_sha256=hashlib.sha256(content).hexdigest(),
        generated_at=datetime.fromisoformat(found["generated_at"]),
        size_bytes=sum(each["bytes"] for each in (*found["inputs"], *outputs)),
        status=found["status"],
        vendor_dataset=found["vendor"]["dataset"],
        bar_count=found["counts"]["bars"],
        first_ts=min(moments, default=None),
        last_ts=max(moments, default=None),
    )


def _is_file(path: Path, sha256: str, *, verify: bool) -> bool:
    if not verify and known_files.is_known(path, sha256):
        return True
    seen = path.stat() if path.exists() else None
    if sha256_of(path)[0] != sha256:
        return False
    if seen is not None:
        known_files.remember(path, sha256, seen)
    return True


def _input(data: DataFolder, given: "RawInput") -> dict[str, Any]:
    return {
        "conditions": [{"condition": condition, "date": day.isoformat()} for day, condition in given.conditions],
        "path": data.written(given.path),
        "product": given.product,
        "sha256": given.sha256,
    }
