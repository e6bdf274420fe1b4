"""Dumps: pg_dump of the server's own major version, to a partial name, proven by its exit code, then renamed.

Owns the names of backup files and the order of flush, hash and rename. Refuses a pg_dump of another major version:
what it writes may not be readable by the server's own pg_restore.
"""

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stage1 import clock, faults
from stage1.database import binaries, programs
from stage1.database.targets import Target
from stage1.errors import BackupFailed, FileUnusable, NoSpace
from stage1.redaction import redact
from stage1.settings import Settings

SUFFIX = ".dump"
_NAME = re.compile(r"(?P<database>.+)-(?P<time>\d{8}T\d{6}Z)-(?P<head>\d{4}|none)\.dump")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Backup:
    """One finished backup file."""

    name: str
    path: Path
    database: str
    taken_at: datetime
    bytes: int
    sha256: str


def create(target: Target, settings: Settings, *, database: str, major: int, head: str, say: Callable[[str], None]) -> Backup:
    """Writes a backup of the database and returns it; leaves nothing behind when it fails."""
    pg_dump = binaries.find(settings, major, ("pg_dump",)).path("pg_dump")
    folder = _folder(settings)
    taken_at = clock.now().replace(microsecond=0)
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", database)
    path = folder / f"{safe}-{taken_at:%Y%m%dT%H%M%SZ}-{head}{SUFFIX}"
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    say(f"backing up {database} to {path}")
    command = [str(pg_dump), "--format=custom", "--lock-wait-timeout=60s", "--no-password", f"--file={part}"]
    command += ["--dbname", programs.connection_string(target)] if programs.connection_string(target) else []
    try:
        part.touch(mode=0o600)
        finished = subprocess.run(
            command, env=programs.environment(target), capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if finished.returncode != 0:
            reason = redact(" ".join(finished.stderr.split()), settings.secrets())
            kind = NoSpace if "No space left" in reason else BackupFailed
            raise kind(f"pg_dump ended with exit code {finished.returncode}; nothing was kept.", detail=f"It says: {reason}")
        faults.reach("before the backup is renamed")
        checksum = _flush_and_hash(part)
        part.rename(path)
        path.with_name(path.name + ".sha256").write_text(f"{checksum}  {path.name}\n", encoding="ascii")
        _flush_folder(folder)
    except OSError as problem:
        raise _disk(problem, folder) from problem
    finally:
        part.unlink(missing_ok=True)
    return Backup(path.name, path, database, taken_at, path.stat().st_size, checksum)


def listed(settings: Settings) -> list[Backup]:
    """The finished backups of the backup folder, newest first. Other files are left alone."""
    folder = settings.path("STAGE1_BACKUP_DIR")
    found = []
    for path in folder.glob(f"*{SUFFIX}") if folder.is_dir() else []:
        match = _NAME.fullmatch(path.name)
        seal = path.with_name(path.name + ".sha256")
        if match and seal.is_file():
            taken_at = datetime.strptime(match["time"] + "+0000", "%Y%m%dT%H%M%SZ%z")
            checksum = seal.read_text(encoding="ascii").split()[0]
            found.append(Backup(path.name, path, match["database"], taken_at, path.stat().st_size, checksum))
    return sorted(found, key=lambda backup: backup.taken_at, reverse=True)


def _folder(settings: Settings) -> Path:
    folder = settings.path("STAGE1_BACKUP_DIR")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise _disk(problem, folder) from problem
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FileUnusable(
            f"Backups cannot be written to {folder.resolve()}.",
            hint="Make it writable, or set STAGE1_BACKUP_DIR to another folder.",
        )
    return folder


def _flush_and_hash(path: Path) -> str:
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            checksum.update(chunk)
        os.fsync(file.fileno())
    return checksum.hexdigest()


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk(problem: OSError, folder: Path) -> Exception:
    import errno

    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(
            f"The disk of {folder} is full; nothing was kept.", hint="Free some space, or set STAGE1_BACKUP_DIR to another disk."
        )
    return FileUnusable(
        f"{folder} cannot be used for backups: {problem.strerror}.", hint="Set STAGE1_BACKUP_DIR to a folder that can be written."
    )
