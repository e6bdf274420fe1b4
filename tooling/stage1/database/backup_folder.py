"""What a backup is on the disk: a folder with a dump, the roles and a manifest that seals them, and what its verification found.

Owns the names of backups and the question whether the files are what the manifest says. Imports settings, errors and the
clock; needs no server. Refuses to take a folder for a backup whose manifest is not exactly as it was written.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from stage1 import clock
from stage1.database import backup_manifest
from stage1.database.backup_manifest import FileSeal, Manifest
from stage1.durable import flush_folder
from stage1.errors import BackupDamaged, BackupNotFound, FileUnusable, LockHeld, UsageRefused
from stage1.settings import Settings

DUMP, ROLES, MANIFEST, VERIFIED = "database.dump.zst", "roles.sql", "manifest.json", "verified.json"
PART, REMOVED = ".part", ".removed-"
CHUNK = 1 << 20
_CLOCKS_DIFFER = timedelta(minutes=10)
_NAME = re.compile(r"(?P<database>.+)-(?P<time>\d{8}T\d{6}Z)-(?P<head>\d{4}|none)(?:-(?P<place>\d+))?", re.ASCII)


@dataclass(frozen=True)
class Verification:
    """What the last verification of a backup found."""

    verified_at: datetime
    ok: bool
    problem: str
    seconds: float
    server_version: str
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Backup:
    """A finished folder that is named like a backup; a good one has a manifest and no problem.

    With a manifest the problem is that files are not there as it says, as far as that is cheaply seen, or that it is dated in
    the future.
    """

    name: str
    path: Path
    database: str
    taken_at: datetime
    manifest: Manifest | None
    verification: Verification | None
    problem: str = ""

    @property
    def is_verified(self) -> bool:
        """Whether its last verification found it good."""
        return not self.problem and self.verification is not None and self.verification.ok

    def is_of(self, system_identifier: str | None, database: str) -> bool:
        """Whether it is a backup of that database of that cluster, as far as both clusters are known."""
        mine = self.manifest.system_identifier if self.manifest else None
        return self.database == database and (mine is None or system_identifier in (None, mine))


def file_name_of(database: str) -> str:
    """The database's name as it stands in the names of its backups."""
    # A hidden folder is none of a backup: one that is being removed is named so.
    return re.sub(r"^\.|[^A-Za-z0-9_.-]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), database)


def name_of(database: str, taken_at: datetime, head: str, place: int = 1) -> str:
    """The name of a backup; of several in one second each has its place."""
    return f"{file_name_of(database)}-{taken_at:%Y%m%dT%H%M%SZ}-{head}" + (f"-{place}" if place > 1 else "")


def is_name(name: str) -> bool:
    """Whether a backup can be called so."""
    return _parts(name) is not None


def found(settings: Settings) -> list[Backup]:
    """The finished backups of the backup folder, newest first, and then what is dated in the future.

    Other files are left alone.
    """
    folder = settings.path("STAGE1_BACKUP_DIR")
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)] if folder.is_dir() else []
    except OSError as problem:
        raise FileUnusable(
            f"The backups in {folder} cannot be read: {problem.strerror}.",
            hint="Run the command as the user who takes the backups, or set STAGE1_BACKUP_DIR.",
        ) from None
    known = [(parts, name) for name in names if (parts := _parts(name))]
    newest_first = sorted(known, key=lambda one: (not _is_ahead(one[0]), *one[0][1:], one[1]), reverse=True)
    return [_read(folder / name, parts) for parts, name in newest_first]


def named(settings: Settings, name: str) -> Backup:
    """The finished backup of a name."""
    folder = settings.path("STAGE1_BACKUP_DIR")
    if "/" in name or "\0" in name:
        raise UsageRefused(
            f"{name!r} is no name of a backup, but a path.",
            hint=f"Backups are looked for in STAGE1_BACKUP_DIR ({folder}); `stage1 backup list` shows their names.",
        )
    with suppress(OSError):
        parts = _parts(name)
        if parts and stat.S_ISDIR((folder / name).lstat().st_mode):
            return _read(folder / name, parts)
    there = [backup.name for backup in found(settings)]
    listed = ", ".join(there[:10]) + (f" and {len(there) - 10} more" if len(there) > 10 else "")
    raise BackupNotFound(
        f"There is no finished backup {name} in {folder}.",
        detail=f"There is: {listed}." if there else "There is none at all.",
        hint="`stage1 backup list` shows them; STAGE1_BACKUP_DIR says where they are."
        if there
        else "Run `stage1 backup create`.",
    )


def check_files(backup: Backup) -> None:
    """Raises BackupDamaged unless the folder holds exactly the files of the manifest, each as it was written."""
    if backup.manifest is None:
        raise BackupDamaged(f"{backup.name} is no good backup: {backup.problem}.", hint="Take another: stage1 backup create.")
    expected = {file.name: file for file in backup.manifest.files}
    try:
        present = {path.name for path in backup.path.iterdir() if not path.name.startswith(VERIFIED)} - {MANIFEST}
    except OSError as problem:
        raise FileUnusable(f"{backup.path} cannot be read: {problem.strerror}.") from None
    problems = [f"{name} is missing" for name in sorted(expected.keys() - present)]
    problems += [f"{name} does not belong to it" for name in sorted(present - expected.keys())]
    for name in sorted(expected.keys() & present):
        problems += _differences(backup.path / name, expected[name])
    if problems:
        raise BackupDamaged(
            f"{backup.name} is damaged: {'; '.join(problems)}.",
            hint="Use another backup (stage1 backup list), and look at the disk that holds this one.",
        )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Seals a backup that is being made; the seal is the last thing in the file."""
    _write(folder / MANIFEST, backup_manifest.text_of(manifest))


@contextmanager
def in_use(backup: Backup) -> Iterator[None]:
    """Keeps `prune` from removing a backup that is worked with."""
    descriptor = os.open(backup.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeld(f"{backup.name} is being removed by another run.") from None
        yield
    finally:
        os.close(descriptor)


def read_verification(folder: Path) -> Verification | None:
    """What the last verification found; None where there was none, or none that can be read."""
    try:
        given = json.loads((folder / VERIFIED).read_text(encoding="ascii"))
        given["verified_at"] = backup_manifest.moment(given["verified_at"])
        given["findings"] = tuple(str(finding) for finding in given["findings"])
        verification = Verification(**given)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return verification if verification.ok is True or verification.ok is False else None


def write_verification(folder: Path, verification: Verification) -> None:
    """Keeps what a verification found beside the files that it looked at."""
    part = folder / f"{VERIFIED}.{secrets.token_hex(4)}{PART}"
    try:
        _write(part, json.dumps(backup_manifest.plain(verification), indent=1) + "\n")
        part.rename(folder / VERIFIED)
        flush_folder(folder)
    except OSError as problem:
        part.unlink(missing_ok=True)
        raise FileUnusable(
            f"What the verification found cannot be kept in {folder}: {problem.strerror}.",
            hint="Run it as the user who takes the backups.",
        ) from None


class _Parts(NamedTuple):
    database: str
    taken_at: datetime
    head: str  # empty before the first migration: of two in one second the one before it is older
    place: int


def _parts(name: str) -> _Parts | None:
    match = _NAME.fullmatch(name)
    if match is None or name.startswith("."):
        return None
    with suppress(ValueError):  # digits that are no time: not a name of ours
        taken_at = datetime.strptime(match["time"] + "+0000", "%Y%m%dT%H%M%SZ%z")
        head = match["head"].removesuffix("none")
        return _Parts(unquote(match["database"]), taken_at, head, int(match["place"] or 1))
    return None


def _read(folder: Path, parts: _Parts) -> Backup:
    manifest: Manifest | None = None
    problem = ""
    try:
        manifest = backup_manifest.parsed((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        problem = "it has no manifest"
    except OSError as reason:
        problem = f"its manifest cannot be read ({reason.strerror})"
    except BackupDamaged as reason:
        problem = reason.message
    if manifest and manifest.name != folder.name:
        problem = f"its manifest is that of {manifest.name}"
        manifest = None
    if manifest:
        problem = _seen_from_outside(folder, manifest) or ("it is dated in the future" if _is_ahead(parts) else "")
    return Backup(folder.name, folder, parts.database, parts.taken_at, manifest, read_verification(folder), problem)


def _is_ahead(parts: _Parts) -> bool:
    return parts.taken_at > clock.now() + _CLOCKS_DIFFER


def _seen_from_outside(folder: Path, manifest: Manifest) -> str:
    """What is wrong with the files without reading them."""
    problems = []
    for file in manifest.files:
        try:
            there = (folder / file.name).lstat()
        except FileNotFoundError:
            problems.append(f"its {file.name} is missing")
        except OSError as problem:
            problems.append(f"its {file.name} cannot be read ({problem.strerror})")
        else:
            if not stat.S_ISREG(there.st_mode):
                problems.append(f"its {file.name} is no file")
            elif there.st_size != file.bytes:
                problems.append(f"its {file.name} has {there.st_size} bytes, not {file.bytes}")
    return "; ".join(problems)


def _differences(path: Path, seal: FileSeal) -> list[str]:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != seal.bytes:
                return [f"{seal.name} has {size} bytes, not {seal.bytes}"]
            checksum = hashlib.sha256()
            while chunk := file.read(CHUNK):
                checksum.update(chunk)
    except PermissionError as problem:
        raise FileUnusable(
            f"{path} cannot be read: {problem.strerror}.", hint="Run it as the user who takes the backups."
        ) from None
    except OSError as problem:
        return [f"{seal.name} cannot be read ({problem.strerror})"]
    return [] if checksum.hexdigest() == seal.sha256 else [f"{seal.name} is not what was written (its sha256 differs)"]


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
