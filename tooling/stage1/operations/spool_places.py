"""What lies where in a spool, and whether it can be trusted.

A spool is a folder: `pending_postgres_inserts.sql` is the file that clients append to, `new/` and the top level take whole files,
`work/` holds what was claimed, `done/` what was replayed. Owns the names and the rules about owners and modes. Moves nothing.
Refuses what somebody else than this user and root may have written: its statements would be executed in this user's name.
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stage1.errors import FileUnusable, NoSpace, SpoolRefused
from stage1.model.spool_text import LINE_MODE
from stage1.settings import Settings, why_not_trusted

APPEND_FILE = "pending_postgres_inserts.sql"
CLAIMED_APPEND = re.compile(r"append-(\d{8}T\d{6}Z-[0-9a-f]{8})\.sql", re.ASCII)

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Spool:
    """A spool folder; or the folder around an append file, in which nothing else is looked for."""

    home: Path
    append: Path
    takes_whole: bool

    @property
    def work(self) -> Path:
        """Where files are while they are replayed."""
        return self.home / "work"

    @property
    def done(self) -> Path:
        """Where files are kept that were replayed."""
        return self.home / "done"

    def whole(self) -> list[Path]:
        """The whole files that wait to be claimed; what begins with a dot is still being written."""
        folders = [self.home, self.home / "new"] if self.takes_whole else []
        return sorted((path for folder in folders for path in _sql_files(folder) if path != self.append), key=_by_name)

    def claimed(self) -> list[Path]:
        """The files that a run has claimed and not finished."""
        return _sql_files(self.work)

    def kept(self) -> list[Path]:
        """The files that were replayed."""
        return _sql_files(self.done)

    def must_exist(self) -> None:
        """Refuses a spool that is not there: a run on a place that was mistyped would seem to have found nothing to do."""
        with explained(self.home):
            try:
                self.home.lstat()
            except (FileNotFoundError, NotADirectoryError):
                raise FileUnusable(
                    f"There is no spool {self.home}.",
                    hint="Make it (mkdir -m 700), or set STAGE1_SPOOL; a relative path is relative to the working directory.",
                ) from None

    def check(self) -> None:
        """Refuses the spool if somebody else may have written any of it."""
        for folder in (self.home, self.home / "new", self.work, self.done):
            _check(folder, stat.S_ISDIR, "folder")
        for path in (self.append, *self.whole(), *self.claimed(), *self.kept()):
            check_file(path)


def spools(places: Sequence[Path], settings: Settings | None) -> tuple[list[Spool], list[Path]]:
    """The spools among what was named, and the files that are read where they lie. Without settings nothing needs to exist."""
    found: dict[tuple[str, str], Spool] = {}
    files = []
    for place in places:
        with explained(place):
            spool = _spool_of(place, settings)
        if spool is None:
            files.append(place)
            continue
        key = (os.path.realpath(spool.home), spool.append.name)
        if spool.takes_whole or key not in found:
            found[key] = spool
    return list(found.values()), files


def _spool_of(place: Path, settings: Settings | None) -> Spool | None:
    is_spool = settings is not None and place == settings.path("STAGE1_SPOOL")
    exists = os.path.lexists(place)
    # Between a claim and the next insert there is no append file; its folder still holds what was claimed of it.
    if place.name == APPEND_FILE or (is_spool and not place.is_dir() and (exists or place.suffix == ".sql")):
        return Spool(place.parent, place, takes_whole=False)
    if place.is_dir() or is_spool:
        return Spool(place, place / APPEND_FILE, takes_whole=True)
    if settings is not None and not exists:
        raise FileUnusable(
            f"There is no file or folder {place}.", hint="Name a spool folder, an append file or a file of statements."
        )
    return None


def check_file(path: Path) -> None:
    """Refuses a file that somebody else may have written, and what is no plain file."""
    _check(path, stat.S_ISREG, "file")


def check_named(path: Path) -> None:
    """Refuses what check_file refuses, and a file that others may exchange in its folder; in one like /tmp they may not."""
    check_file(path)
    with explained(path.parent):
        folder = path.parent.stat()
    if folder.st_mode & stat.S_ISVTX and folder.st_uid in (os.geteuid(), 0):
        return
    _judge(path.parent, folder, stat.S_ISDIR, "folder")


def open_file(path: Path) -> int:
    """A descriptor of a file that can be trusted, whatever its name comes to stand for afterwards."""
    with explained(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as problem:
            if problem.errno == errno.ELOOP:
                raise _refused(path, "file", "it is a symbolic link") from None
            raise
    try:
        _judge(path, os.fstat(descriptor), stat.S_ISREG, "file")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def holds_something(path: Path) -> bool:
    """Whether there is more in a file than blanks and the first line that chooses its form."""
    with explained(path), path.open("rb") as file:
        first = file.read(_CHUNK).strip()
        if first and not LINE_MODE.startswith(first):
            return True
        return any(chunk.strip() for chunk in iter(lambda: file.read(_CHUNK), b""))


@contextmanager
def explained(path: Path) -> Generator[None, None, None]:
    """Turns what the system says about a file of the spool into a sentence. A file that is gone stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(f"The disk of the spool {path} is full.", hint="Free some space and run the replay again.") from problem
        raise FileUnusable(
            f"{path} of the spool cannot be used: {problem.strerror}.",
            hint="Replay as the account that the spool belongs to, on one file system; the file may hold inserts.",
        ) from problem


def _sql_files(folder: Path) -> list[Path]:
    with explained(folder):
        try:
            found = list(folder.iterdir())
        except FileNotFoundError:
            return []
    return sorted((path for path in found if path.name.endswith(".sql") and not path.name.startswith(".")), key=_by_name)


def _by_name(path: Path) -> str:
    return path.name


def _check(path: Path, is_kind: Callable[[int], bool], kind: str) -> None:
    with explained(path):
        try:
            found = path.lstat()
        except FileNotFoundError:
            return
    _judge(path, found, is_kind, kind)


def _judge(path: Path, found: os.stat_result, is_kind: Callable[[int], bool], kind: str) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise _refused(path, kind, "it is a symbolic link")
    if not is_kind(found.st_mode):
        raise _refused(path, kind, f"it is no plain {kind}")
    if why := why_not_trusted(found):
        raise _refused(path, kind, why)


def _refused(path: Path, kind: str, why: str) -> SpoolRefused:
    return SpoolRefused(
        f"The spool {kind} {path} cannot be trusted: {why}.",
        hint="Its statements would be executed. Run the replay as the account that owns the spool, and let nobody else write "
        "there: chmod -R go-w, and no links.",
    )
