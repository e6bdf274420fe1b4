"""Derives one-minute bars from a symbol's raw files: Parquet, one file a month, and the manifest that says what they are.

Owns the order in which files get their names. The new months and the new manifest are on the disk, as parts, before anything of
an earlier derivation is touched. Then, where a month has other bytes than the manifest in place says, that manifest goes; the
months get their names; the new manifest gets its name; months that it does not name go. So a manifest that is in place
never names other bytes, wherever the process is killed, and a run that finds none, or an old one, makes all of it again.

Who calls holds the lock of the symbol and period. May import model; what reads and writes the files is imported when there is
something to do. Refuses raw files that are not what is known of them.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stage1
from stage1 import clock, faults
from stage1.durable import flush_folder
from stage1.extras import needs
from stage1.model.dataset_manifests import DatasetManifest
from stage1.model.periods import Period
from stage1.operations import bars_manifest, bars_warnings, known_files
from stage1.operations.data_folder import DataFolder
from stage1.operations.derive_inputs import RawInput, in_order
from stage1.operations.read_ahead import read_ahead
from stage1.operations.whole_writing import PART, explained, write_part

Tell = Callable[[str, int, int], None]  # product, records that were read, records in all (0 while unknown)

_OURS = re.compile(r"\d{4,}-\d{2}\.parquet(\.part)?|manifest\.json\.part")


@dataclass(frozen=True)
class Derived:
    """The bars of a symbol and period, as they lie in their folder now."""

    manifest: dict[str, Any]
    path: Path  # of the manifest
    changed: bool  # the manifest is another one than before
    was_read: bool  # the raw files were read; without that nothing was done
    dataset: DatasetManifest
    warnings: tuple[str, ...]


def derive(
    data: DataFolder,
    symbol: str,
    period: Period,
    inputs: Sequence[RawInput],
    *,
    force: bool = False,
    verify: bool = False,
    progress: Tell = lambda *_: None,
) -> Derived:
    """Makes the bars, unless those in place are of the same inputs and rules, and untouched.

    With `force` the files are read in any case; with `verify` nothing is taken for untouched because of its size and time, but
    hashed.
    """
    inputs = in_order(inputs)
    path = data.manifest(symbol, period)
    before = bars_manifest.read(path)
    if verify:
        bars_manifest.require_inputs(inputs)
    if before is not None and not force:
        found, content = before
        wanted = bars_manifest.document(data, symbol, period, inputs)
        if bars_manifest.is_of(found, wanted) and bars_manifest.is_intact(found, data, verify=verify):
            with suppress(KeyError, TypeError, ValueError):  # what somebody wrote by hand may lack anything
                same = _derived(found, content, data, path, changed=False, was_read=False)
                _tidy(path.parent, found)
                return same
    try:
        made = _make(data, symbol, period, inputs, progress)
        content = _place(path, made, before)
    except BaseException:
        _drop_parts(path.parent)
        raise
    _tidy(path.parent, made)
    for each in made["outputs"]:
        file = data.found(each["path"])
        known_files.remember(file, each["sha256"], file.stat())
    changed = before is None or before[1] != content
    return _derived(json.loads(content), content, data, path, changed=changed, was_read=True)


def _make(data: DataFolder, symbol: str, period: Period, inputs: Sequence[RawInput], progress: Tell) -> dict[str, Any]:
    """Reads the raw files and writes the months as parts; returns the manifest of them."""
    with needs("vendor"):
        from stage1.operations.month_bars import month_bars
    folder = data.bars(symbol, period)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _drop_parts(folder)
    outputs = []
    with month_bars(inputs, symbol, period) as reading:
        # A month is written while the next one is read; the first one, while the library that writes them is imported.
        with read_ahead(reading.months(progress), depth=1) as months:
            with needs("frames"):
                from stage1.operations import bars_parquet
            about = {"symbol": symbol, "timeframe": "1m", "dataset": reading.vendor_dataset}
            columns = bars_parquet.schema(about, with_quotes=len(inputs) > 1)
            for month, rows in months:
                if len(rows["minute"]):
                    path = folder / f"{month.first:%Y-%m}.parquet"
                    outputs.append({"path": data.written(path), **bars_parquet.write_part(path, rows, columns)})
                faults.reach("derive: a month is read")
        manifest = bars_manifest.document(data, symbol, period, inputs) | reading.figures()
        manifest["inputs"] = [known | read for known, read in zip(manifest["inputs"], reading.headers(), strict=True)]
    return manifest | {
        "generated_at": f"{clock.now():%Y-%m-%dT%H:%M:%SZ}",
        "outputs": outputs,
        "tool_version": stage1.__version__,
        "written_by": bars_parquet.written_by(),
    }


def _place(path: Path, made: dict[str, Any], before: tuple[dict[str, Any], bytes] | None) -> bytes:
    """Gives the parts their names, the manifest's last; returns the manifest's bytes."""
    folder, part = path.parent, path.with_name(path.name + PART)
    is_same = before is not None and bars_manifest.is_same(made, before)
    content = before[1] if before is not None and is_same else bars_manifest.encoded(made)
    with explained(path):
        if not is_same:
            write_part(path, content)
        flush_folder(folder)
        faults.reach("derive: the parts are written")
        if before is not None and not _may_stay(before[0], made):
            path.unlink()
            flush_folder(folder)
            faults.reach("derive: the old manifest is gone")
        for each in made["outputs"]:
            month = folder / each["path"].rpartition("/")[2]
            month.with_name(month.name + PART).rename(month)
            faults.reach("derive: a month has its name")
        flush_folder(folder)
        faults.reach("derive: the months have their names")
        if not is_same:
            part.rename(path)
            flush_folder(folder)
        faults.reach("derive: the manifest has its name")
    return content


def _may_stay(before: dict[str, Any], made: dict[str, Any]) -> bool:
    """Whether the new months leave every month that the manifest in place names as it says."""
    try:
        old = {each["path"]: each["sha256"] for each in before["outputs"]}
    except (KeyError, TypeError):
        return False
    return all(old.get(each["path"], each["sha256"]) == each["sha256"] for each in made["outputs"])


def _tidy(folder: Path, manifest: dict[str, Any]) -> None:
    """Takes away what an earlier derivation left and the manifest in place does not name; nothing of anybody else."""
    named = {each["path"].rpartition("/")[2] for each in manifest["outputs"]}
    with suppress(OSError):  # a read-only folder keeps it, which is wrong for nobody
        for file in folder.iterdir():
            if _OURS.fullmatch(file.name) and file.name not in named:
                file.unlink()


def _drop_parts(folder: Path) -> None:
    with suppress(OSError):
        for file in folder.iterdir():
            if _OURS.fullmatch(file.name) and file.name.endswith(PART):
                file.unlink()


def _derived(manifest: dict[str, Any], content: bytes, data: DataFolder, path: Path, *, changed: bool, was_read: bool) -> Derived:
    return Derived(
        manifest=manifest,
        path=path,
        changed=changed,
        was_read=was_read,
        dataset=bars_manifest.dataset(manifest, content, data, path),
        warnings=tuple(bars_warnings.warnings(manifest)),
    )
