"""Dumps: pg_dump and pg_dumpall of the server's own major version, compressed and sealed while they are written.

Owns the programs that write a backup, and the name under which they do: a partial folder, held by a lock while its run lives.
Refuses a pg_dump of another major version: what it writes may not be readable by the server's own pg_restore.
"""

import contextlib
import errno
import fcntl
import hashlib
import itertools
import os
import secrets
import selectors
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg
import zstandard

from stage1.database import backup_folder, programs
from stage1.database.backup_folder import CHUNK, DUMP, PART, ROLES
from stage1.database.backup_manifest import FileSeal
from stage1.database.binaries import Binaries
from stage1.database.fingerprints import LOCK_WAIT, BehindAnother
from stage1.database.targets import Target
from stage1.database.waiting_dumps import Patience
from stage1.errors import BackupFailed, FileUnusable, NoSpace
from stage1.redaction import redact
from stage1.settings import Settings

# On the level a shorter search saves a quarter of the time, and more threads, another level or pg_dump's own compression none.
_COMPRESSION = zstandard.ZstdCompressionParameters.from_level(5, search_log=4, write_checksum=True)
_ROLES_SECONDS = 120
_TICK_SECONDS = 0.2
# A program that is killed leaves its session waiting, and holding its locks, unless the server looks.
_NOTICE_A_DEAD_CLIENT = "-c client_connection_check_interval=2s"
_BEHIND_ANOTHER = ("Query was: LOCK TABLE", "deadlock detected")


@dataclass(frozen=True)
class Dumper:
    """What the programs need to know."""

    binaries: Binaries
    target: Target
    settings: Settings
    database: str

    def dump(self, folder: Path, snapshot: str, go_on: Callable[[], bool]) -> FileSeal | None:
        """Writes the dump of a snapshot; None where it was given up because whoever asked cannot go on."""
        options = ["--format=custom", "--compress=0", f"--lock-wait-timeout={LOCK_WAIT}", f"--snapshot={snapshot}"]
        session = f"stage1 pg_dump {secrets.token_hex(8)}"
        patience = Patience(self.target, self.settings, session)
        with tempfile.TemporaryFile() as talk, self._started("pg_dump", options, subprocess.PIPE, talk, session) as process:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            _widen(process.stdout.fileno())
            with os.fdopen(_new_file(folder / DUMP), "wb", buffering=0) as file:
                seal = _compressed(process.stdout.fileno(), file, go_on, patience)
            if seal is None:
                return None
            if process.wait() != 0:
                if not go_on():
                    return None  # its snapshot ended with the other's transaction
                reason = self._said(talk)
                behind = any(text in reason for text in _BEHIND_ANOTHER)
                kind = NoSpace if "No space left" in reason else BehindAnother if behind else BackupFailed
                raise kind(f"pg_dump ended with exit code {process.returncode}; nothing was kept.", detail=f"It says: {reason}")
            return seal

    @contextlib.contextmanager
    def roles(self, folder: Path) -> Iterator[Callable[[], tuple[FileSeal | None, str]]]:
        """Writes the roles meanwhile; what is yielded waits for the file, or says why there is none."""
        if not self.binaries.has("pg_dumpall"):
            yield lambda: (None, f"there is no pg_dumpall in {self.binaries.directory}")
            return
        options = ["--globals-only", "--no-role-passwords"]
        # The program takes no database from the environment, and a name alone could be read as a connection string.
        options.append(f"--database={psycopg.conninfo.make_conninfo('', dbname=self.database)}")
        with (
            tempfile.TemporaryFile() as talk,
            os.fdopen(_new_file(folder / ROLES), "wb") as file,
            contextlib.ExitStack() as stack,
        ):
            try:
                process = stack.enter_context(self._started("pg_dumpall", options, file, talk))
            except BackupFailed as problem:
                (folder / ROLES).unlink()
                reason = problem.message.rstrip(".")
                yield lambda: (None, reason)
                return

            def finished() -> tuple[FileSeal | None, str]:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    if process.wait(_ROLES_SECONDS) == 0:
                        os.fsync(file.fileno())
                        return _seal_of(folder / ROLES), ""
                (folder / ROLES).unlink()
                return None, self._said(talk) if process.returncode else f"it took more than {_ROLES_SECONDS} seconds"

            yield finished

    @contextlib.contextmanager
    def _started(
        self, program: str, options: list[str], output: Any, talk: IO[bytes], session: str = ""
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """The program, which does not outlive the block; its session bears the name that is given."""
        string = programs.connection_string(self.target)
        # In a language that is known here: a full disk is told from other failures by its text.
        environment = programs.environment(self.target) | {"LC_ALL": "C"}
        environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} {_NOTICE_A_DEAD_CLIENT}".strip()
        parameters = psycopg.conninfo.conninfo_to_dict(string)
        if "options" in parameters:
            parameters["options"] = f"{parameters['options']} {_NOTICE_A_DEAD_CLIENT}"
        if session:
            parameters["application_name"] = session
        string = psycopg.conninfo.make_conninfo("", **parameters)
        command = [str(self.binaries.path(program)), *options, "--no-password", *(["--dbname", string] if string else [])]
        try:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=talk, bufsize=0)
        except OSError as problem:
            raise BackupFailed(
                f"{command[0]} cannot be started: {problem.strerror}.",
                hint="Install PostgreSQL's client programs again, or set PG_BINDIR to those that work.",
            ) from problem
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _said(self, talk: IO[bytes]) -> str:
        talk.seek(0)
        text = talk.read(1 << 16).decode("utf-8", "replace")
        return redact(" ".join(text.split()), self.target.secrets(self.settings)) or "nothing"


@contextlib.contextmanager
def claimed(folder: Path, name_at: Callable[[int], str]) -> Iterator[tuple[Path, Path]]:
    """A name that no other backup has or will get, and the partial folder for it, which is gone at the end."""
    remove_abandoned(folder)
    for place in itertools.count(1):
        path = folder / name_at(place)
        part = path.with_name(path.name + PART)
        try:
            part.mkdir(mode=0o700)
            descriptor = os.open(part, os.O_RDONLY | os.O_DIRECTORY)
        except (FileExistsError, FileNotFoundError):
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Another run may have taken the folder for an abandoned one before it was locked, and a third have made it anew.
            if not (part.exists() and part.stat().st_ino == os.fstat(descriptor).st_ino):
                continue
            try:
                if not path.exists():
                    yield path, part
                    return
            finally:
                shutil.rmtree(part, ignore_errors=True)
        finally:
            os.close(descriptor)


def remove_abandoned(folder: Path) -> None:
    """Removes the partial folders of runs that were killed: those that nobody holds any more."""
    for part in folder.glob(f"*{PART}"):
        if backup_folder.is_name(part.name.removesuffix(PART)):
            with contextlib.suppress(OSError):
                descriptor = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(part)
                finally:
                    os.close(descriptor)


def writable_folder(settings: Settings) -> Path:
    """The folder of the backups, made where it is missing."""
    folder = settings.path("STAGE1_BACKUP_DIR")
    with disk_problems(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FileUnusable(
            f"Backups cannot be written to {folder.resolve()}.",
            hint="Make it writable, or set STAGE1_BACKUP_DIR to another folder.",
        )
    return folder


@contextlib.contextmanager
def disk_problems(folder: Path) -> Iterator[None]:
    """Puts what the disk refuses inside the block into our words."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(
                f"The disk of {folder} is full; nothing was kept.",
                hint="Free some space, or set STAGE1_BACKUP_DIR to another disk.",
            ) from problem
        raise FileUnusable(
            f"{folder} cannot be used for backups: {problem.strerror}.",
            hint="Set STAGE1_BACKUP_DIR to a folder that can be written.",
        ) from problem


def _compressed(pipe: int, file: IO[bytes], go_on: Callable[[], bool], patience: Patience) -> FileSeal | None:
    compressor = zstandard.ZstdCompressor(compression_params=_COMPRESSION).compressobj()
    checksum, size = hashlib.sha256(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while go_on():
            if not selector.select(_TICK_SECONDS):
                patience.check()
                continue
            patience.heard()
            chunk = os.read(pipe, CHUNK)
            written = compressor.compress(chunk) if chunk else compressor.flush()
            checksum.update(written)
            size += _write_all(file, written)
            if not chunk:
                os.fsync(file.fileno())
                return FileSeal(DUMP, size, checksum.hexdigest())
    return None


def _write_all(file: IO[bytes], block: bytes) -> int:
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]
    return len(block)


def _seal_of(path: Path) -> FileSeal:
    content = path.read_bytes()
    return FileSeal(path.name, len(content), hashlib.sha256(content).hexdigest())


def _new_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _widen(pipe: int) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # the system may allow less
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, CHUNK)
