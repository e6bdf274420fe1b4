"""Dumps: pg_dump of the server's own major version, to a partial name, proven by its exit code, then renamed.

Owns the names of backup files and the order of flush, hash, seal and rename. Refuses a pg_dump of another major version:
what it writes may not be readable by the server's own pg_restore.
"""

import contextlib
import errno
import fcntl
import hashlib
import itertools
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

from stage1 import clock, faults
from stage1.database import binaries, programs
from stage1.database.targets import Target
from stage1.durable import flush_folder
from stage1.errors import BackupFailed, FileUnusable, NoSpace
from stage1.redaction import redact
from stage1.settings import Settings

SUFFIX = ".dump"
_PART = ".part"
_NAME = re.compile(r"(?P<database>.+)-(?P<time>\d{8}T\d{6}Z)-(?P<head>\d{4}|none)(-\d+)?\.dump")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
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
    try:
        _remove_abandoned(folder)
        with _claimed(folder / f"{file_name_of(database)}-{taken_at:%Y%m%dT%H%M%SZ}-{head}{SUFFIX}") as (path, part):
            say(f"backing up {database} to {path}")
            _dump(pg_dump, target, settings, part)
            checksum = _flush_and_hash(part)
            faults.reach("before the backup is sealed")
            # The seal comes first: a dump with its name and without its seal would look like a backup and be none.
            _write_seal(_seal_of(path), f"{checksum}  {path.name}\n")
            faults.reach("before the backup is renamed")
            part.rename(path)
            flush_folder(folder)
    except OSError as problem:
        raise _disk(problem, folder) from problem
    return Backup(path.name, path, database, taken_at, path.stat().st_size, checksum)


def file_name_of(database: str) -> str:
    """The database's name as it stands in the names of its backups."""
    return re.sub(r"[^A-Za-z0-9_.-]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), database)


def listed(settings: Settings) -> list[Backup]:
    """The finished backups of the backup folder, newest first. Other files are left alone."""
    folder = settings.path("STAGE1_BACKUP_DIR")
    found = []
    for path in folder.glob(f"*{SUFFIX}") if folder.is_dir() else []:
        match = _NAME.fullmatch(path.name)
        checksum = _read_seal(_seal_of(path))
        if match and checksum:
            try:
                taken_at = datetime.strptime(match["time"] + "+0000", "%Y%m%dT%H%M%SZ%z")
            except ValueError:
                continue  # digits that are no time: not a name of ours
            found.append(Backup(path.name, path, unquote(match["database"]), taken_at, path.stat().st_size, checksum))
    return sorted(found, key=lambda backup: backup.taken_at, reverse=True)


def _dump(pg_dump: Path, target: Target, settings: Settings, part: Path) -> None:
    command = [str(pg_dump), "--format=custom", "--lock-wait-timeout=60s", "--no-password", f"--file={part}"]
    command += ["--dbname", programs.connection_string(target)] if programs.connection_string(target) else []
    # In a language that is known here: a full disk is told from other failures by its text.
    environment = programs.environment(target) | {"LC_ALL": "C"}
    finished = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL, check=False
    )
    if finished.returncode != 0:
        reason = redact(" ".join(finished.stderr.split()), target.secrets(settings)) or "nothing"
        kind = NoSpace if "No space left" in reason else BackupFailed
        raise kind(f"pg_dump ended with exit code {finished.returncode}; nothing was kept.", detail=f"It says: {reason}")


@contextlib.contextmanager
def _claimed(wanted: Path) -> Iterator[tuple[Path, Path]]:
    """A name that no other backup has or will get, and its partial file, which is gone at the end."""
    for place in itertools.count(1):
        path = wanted if place == 1 else wanted.with_name(f"{wanted.stem}-{place}{SUFFIX}")
        part = path.with_name(path.name + _PART)
        try:
            descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Another run may have taken the file for an abandoned one before it was locked, and a third have made it anew.
            if not (part.exists() and part.stat().st_ino == os.fstat(descriptor).st_ino):
                continue
            try:
                if not path.exists():
                    yield path, part
                    return
            finally:
                part.unlink(missing_ok=True)
                if not path.exists():
                    _seal_of(path).unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _remove_abandoned(folder: Path) -> None:
    """Removes the partial files of runs that were killed: those that nobody holds any more."""
    for part in folder.glob(f"*{SUFFIX}{_PART}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(part, os.O_WRONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
            finally:
                os.close(descriptor)


def _seal_of(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _write_seal(path: Path, text: str) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read_seal(path: Path) -> str:
    """The checksum of a seal; empty where there is none."""
    try:
        first = path.read_text(encoding="ascii").partition(" ")[0]
    except (OSError, UnicodeDecodeError):
        return ""
    return first if _CHECKSUM.fullmatch(first) else ""


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


def _disk(problem: OSError, folder: Path) -> Exception:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(
            f"The disk of {folder} is full; nothing was kept.", hint="Free some space, or set STAGE1_BACKUP_DIR to another disk."
        )
    return FileUnusable(
        f"{folder} cannot be used for backups: {problem.strerror}.", hint="Set STAGE1_BACKUP_DIR to a folder that can be written."
    )
